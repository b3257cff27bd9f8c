import errno
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.netfilter_socket import read_chains
from vigie_agent.tables.vigie_nftables import physical_interfaces, tables

RECORDED = Path(__file__).parents[2] / "fixtures/linux/packet_filter"
NO_ROOT = "run as root: the kernel shows its packet filter to root only"

# What a kernel answered about a table `inet filter` with three base chains, `input` dropping.
THREE_CHAINS = bytes.fromhex(
    "70000000030a020001000000f0430000010000020b00010066696c74657200000a000300696e707574000000"
    "0c0002000000000000000001140004000800010000000001080002000000000008000500000000000b000700"
    "66696c746572000008000a00000000010800060000000006"
    "70000000030a020001000000f0430000010000020b00010066696c74657200000c000300666f727761726400"
    "0c0002000000000000000002140004000800010000000002080002000000000008000500000000000b000700"
    "66696c746572000008000a00000000010800060000000000"
    "70000000030a020001000000f0430000010000020b00010066696c74657200000b0003006f75747075740000"
    "0c0002000000000000000003140004000800010000000003080002000000000008000500000000010b000700"
    "66696c746572000008000a00000000010800060000000000"
)


def never() -> bytes:
    raise AssertionError("the kernel is asked only where nft is missing")


def refusing(number: int) -> Callable[[], bytes]:
    def dump() -> bytes:
        raise OSError(number, "refused")

    return dump


def inbound(host: Host, dump: Callable[[], bytes] = never) -> list[TableRow]:
    return rows_of(tables(host, dump), "vigie_inbound_filter")


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def test_each_base_chain_is_a_row(tmp_path: Path) -> None:
    host = a_device(tmp_path, programs={"nft": recorded("nft-workstation.json")})

    rows = rows_of(tables(host, never), "vigie_nftables")

    assert [
        (row["chain"], row["policy"], row["default_verdict"], row["rules"]) for row in rows
    ] == [
        ("forward", "drop", "drop", 0),
        ("input", "drop", "drop", 6),
        ("output", "accept", "accept", 0),
    ]
    assert {row["collected"] for row in rows} == {"yes"}


def test_the_way_in_is_two_rows_whatever_the_rules(tmp_path: Path) -> None:
    host = a_device(tmp_path, programs={"nft": recorded("nft-open.json")})

    rows = inbound(host)

    assert [(row["protocol"], row["enabled"], row["inbound_default"]) for row in rows] == [
        ("ipv4", 1, "allow"),
        ("ipv6", 0, "allow"),
    ]


def test_legacy_rules_count_beside_nftables(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {"/proc/net/ip_tables_names": "filter\n"},
        programs={
            "nft": recorded("nft-open.json"),
            "iptables-save": recorded("iptables-save-legacy-ufw.txt"),
        },
    )

    ipv4, ipv6 = inbound(host)

    assert (ipv4["inbound_default"], ipv4["decided_by"]) == ("block", "ip filter INPUT")
    assert (ipv4["read_with"], ipv6["inbound_default"]) == ("nft, iptables-save", "allow")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (failed("Operation not permitted (you must be root)\n"), NO_ROOT),
        (failed("netlink: Error: cache\ninitialization failed: Permission denied"), NO_ROOT),
        (failed("syntax error"), "nft failed: syntax error"),
        (CommandResult(Outcome.TIMED_OUT), "nft: timed out"),
        (CommandResult(Outcome.TOO_LONG), "nft: too long"),
        ("half a docu", "nft printed something else than a ruleset"),
    ],
)
def test_what_cannot_be_read_is_a_row_that_says_why(
    tmp_path: Path, answer: CommandResult | str, why: str
) -> None:
    host = a_device(tmp_path, programs={"nft": answer})

    chains = rows_of(tables(host, never), "vigie_nftables")
    families = inbound(host)

    assert [(row["collected"], row["why"]) for row in chains] == [("no", why)]
    assert [(row["protocol"], row["collected"], row["why"]) for row in families] == [
        ("ipv4", "no", why),
        ("ipv6", "no", why),
    ]


def test_without_nft_an_empty_kernel_proves_that_nothing_filters(tmp_path: Path) -> None:
    rows = inbound(a_device(tmp_path), lambda: b"")

    assert [(row["enabled"], row["inbound_default"], row["collected"]) for row in rows] == [
        (0, "allow", "yes"),
        (0, "allow", "yes"),
    ]


def test_without_nft_a_kernel_without_nftables_has_no_rules(tmp_path: Path) -> None:
    (row, _) = inbound(a_device(tmp_path), refusing(errno.EOPNOTSUPP))

    assert (row["enabled"], row["collected"]) == (0, "yes")


@pytest.mark.parametrize(
    ("dump", "why"),
    [
        (refusing(errno.EPERM), NO_ROOT),
        (refusing(errno.ENOBUFS), "nft is not installed, and refused"),
        (
            lambda: THREE_CHAINS,
            "there are nftables rules, but nft is not installed: install nftables",
        ),
    ],
)
def test_without_nft_what_is_not_known_is_said(
    tmp_path: Path, dump: Callable[[], bytes], why: str
) -> None:
    (row, _) = inbound(a_device(tmp_path), dump)

    assert (row["collected"], row["why"]) == ("no", why)


def test_without_nft_rules_of_iptables_are_read_with_its_own_program(tmp_path: Path) -> None:
    answer = bytearray(THREE_CHAINS)
    answer[16] = 2  # the first chain's family: ip
    programs = {
        "iptables-nft-save": recorded("iptables-save-legacy-ufw.txt"),
        "ip6tables-nft-save": "",
    }

    rows = inbound(a_device(tmp_path, programs=programs), lambda: bytes(answer))

    assert [row["inbound_default"] for row in rows] == ["block", "allow"]


def test_rules_of_iptables_without_its_program_are_not_known(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {"/proc/net/ip_tables_names": "filter"}, programs={"nft": '{"nftables": []}'}
    )

    (row, _) = inbound(host)

    assert row["why"] == "there are iptables rules, but iptables-save is not installed"


def test_the_kernels_list_tells_hooks_policies_and_how_many_rules() -> None:
    found = [
        (chain.name, chain.hook, chain.policy, rules) for chain, rules in read_chains(THREE_CHAINS)
    ]

    assert found == [
        ("input", "input", "drop", 6),
        ("forward", "forward", "drop", 0),
        ("output", "output", "accept", 0),
    ]


@pytest.mark.parametrize("cut", [0, 3, 15, 17, 60, 111, 115])
def test_a_torn_answer_of_the_kernel_is_read_as_far_as_it_goes(cut: int) -> None:
    found = read_chains(THREE_CHAINS[:cut])

    assert len(found) <= 1


def test_a_refusal_of_the_kernel_is_an_error() -> None:
    refusal = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -errno.EPERM)

    with pytest.raises(PermissionError):
        read_chains(refusal)


def test_interfaces_are_those_with_hardware_behind_them(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {"/sys/class/net/eth0/device/vendor": "", "/sys/class/net/docker0/mtu": "1500"}
    )

    assert physical_interfaces(host) == ("eth0",)
    assert physical_interfaces(Host(root=tmp_path / "nothing")) == ("vigie0",)
