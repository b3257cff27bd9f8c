from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_firewall
from vigie_agent.tables.host import CommandResult, Host, Outcome

TOOL = "/usr/libexec/ApplicationFirewall/socketfilterfw"
PFCTL = "/sbin/pfctl"
MONTEREY = {  # 12 and 13
    f"{TOOL} --getglobalstate": "Firewall is enabled. (State = 1)\n",
    f"{TOOL} --getblockall": "Block all DISABLED! \n",
    f"{TOOL} --getstealthmode": "Stealth mode enabled\n",
    f"{TOOL} --getloggingmode": "Log mode is on \n",
}
SONOMA = {  # 14, 15 and 26
    f"{TOOL} --getglobalstate": "Firewall is enabled. (State = 1)\n",
    f"{TOOL} --getblockall": "Firewall has block all state set to disabled.\n",
    f"{TOOL} --getstealthmode": "Firewall stealth mode is on\n",
    f"{TOOL} --getloggingmode": "Log mode is on\n",
}
DEFAULT_RULES = """\
scrub-anchor "com.apple/*" all fragment reassemble
anchor "com.apple/*" all
"""


def application(host: Host) -> TableRow:
    (row,) = rows_of(vigie_mac_firewall.tables(host), "vigie_mac_application_firewall")
    return row


def packet_filter(host: Host) -> TableRow:
    (row,) = rows_of(vigie_mac_firewall.tables(host), "vigie_mac_packet_filter")
    return row


@pytest.mark.parametrize("programs", [MONTEREY, SONOMA], ids=["12", "14"])
def test_the_words_of_each_release_say_the_same(tmp_path: Path, programs: dict[str, str]) -> None:
    assert application(a_device(tmp_path, programs=programs)) == {
        "enabled": 1,
        "block_all": 0,
        "stealth": 1,
        "logging": 1,
        "collected": "yes",
        "why": "",
    }


@pytest.mark.parametrize(
    ("said", "enabled"),
    [
        ("Firewall is disabled. (State = 0)\n", 0),
        ("Firewall is blocking all non-essential incoming connections. (State = 2)\n", 1),
        ("Firewall is disabled.\n", 0),
        ("Firewall is enabled.\n", 1),
    ],
)
def test_the_number_of_the_state_decides_and_words_where_there_is_none(
    tmp_path: Path, said: str, enabled: int
) -> None:
    assert application(a_device(tmp_path, programs={TOOL: said}))["enabled"] == enabled


def test_a_release_that_no_longer_tells_whether_it_logs_leaves_that_open(tmp_path: Path) -> None:
    programs = SONOMA | {f"{TOOL} --getloggingmode": "usage: socketfilterfw [-d] [-k] ...\n"}

    row = application(a_device(tmp_path, programs=programs))

    assert (row["enabled"], row["logging"]) == (1, None)


def test_block_all_is_seen_in_the_words_of_both(tmp_path: Path) -> None:
    for said in ("Block all ENABLED! \n", "Firewall has block all state set to enabled.\n"):
        host = a_device(tmp_path, programs=SONOMA | {f"{TOOL} --getblockall": said})

        assert application(host)["block_all"] == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (CommandResult(Outcome.MISSING), "this Mac has no socketfilterfw"),
        (CommandResult(Outcome.TIMED_OUT), "socketfilterfw did not answer in time"),
        (failed(""), "socketfilterfw failed"),
        ("", "socketfilterfw answered what could not be understood"),
        ("Firewall is (State = 7)", "socketfilterfw answered what could not be understood"),
        ("Le coupe-feu est activé.", "socketfilterfw answered what could not be understood"),
    ],
)
def test_an_unknown_state_is_not_off(tmp_path: Path, said: CommandResult | str, why: str) -> None:
    row = application(a_device(tmp_path, programs={TOOL: said}))

    assert row == {"collected": "no", "why": why}


def test_the_packet_filter_of_a_new_mac_is_off_and_empty(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        programs={
            f"{PFCTL} -s info": "Status: Disabled for 3 days 02:10:11    Debug: Urgent\n",
            f"{PFCTL} -s rules": DEFAULT_RULES,
        },
    )

    row = packet_filter(host)

    assert (row["enabled"], row["rules"], row["blocks_inbound"], row["logs_drops"]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "rule",
    ["block drop in all", "block drop in log quick all", "block return all", "block drop all"],
)
def test_a_rule_that_refuses_all_that_comes_in_is_seen(tmp_path: Path, rule: str) -> None:
    info = "Status: Enabled for 0 days 01:22:33           Debug: Urgent\n"
    programs = {f"{PFCTL} -s info": info, f"{PFCTL} -s rules": f"{DEFAULT_RULES}{rule}\n"}

    row = packet_filter(a_device(tmp_path, programs=programs))

    assert (row["enabled"], row["rules"], row["blocks_inbound"]) == (1, 1, 1)
    assert row["logs_drops"] == int("log" in rule)


@pytest.mark.parametrize(
    "rule",
    ["block drop out all", "block drop in proto tcp from any to any port = 22", "pass in all"],
)
def test_a_rule_that_refuses_less_is_not_taken_for_one(tmp_path: Path, rule: str) -> None:
    programs = {f"{PFCTL} -s info": "Status: Enabled\n", f"{PFCTL} -s rules": rule}

    assert packet_filter(a_device(tmp_path, programs=programs))["blocks_inbound"] == 0


def test_how_long_it_has_been_on_changes_nothing(tmp_path: Path) -> None:
    def told(since: str) -> TableRow:
        info = f"Status: Enabled for {since}   Debug: Urgent\n"
        programs = {f"{PFCTL} -s info": info, f"{PFCTL} -s rules": DEFAULT_RULES}
        return packet_filter(a_device(tmp_path, programs=programs))

    assert told("0 days 01:22:33") == told("4 days 22:01:00")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (failed("pfctl: /dev/pf: Permission denied"), "needs root: pfctl"),
        ("No ALTQ support in kernel\n", "pfctl answered what could not be understood"),
        (CommandResult(Outcome.TIMED_OUT), "pfctl did not answer in time"),
    ],
)
def test_a_closed_packet_filter_says_why(
    tmp_path: Path, said: CommandResult | str, why: str
) -> None:
    assert packet_filter(a_device(tmp_path, programs={PFCTL: said})) == {
        "collected": "no",
        "why": why,
    }
