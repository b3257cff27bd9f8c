"""What a Mac starts and offers, from launchd's files, its switches and the open ports."""

import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_services
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_launchd import read_job, read_listeners, read_overrides

DAEMONS = "/Library/LaunchDaemons"
PRINTED = """
\tdisabled services = {
\t\t"com.openssh.sshd" => enabled
\t\t"com.apple.smbd" => disabled
\t\t"fr.off" => disabled
\t\t"fr.back" => enabled
\t}
\tlogin item associations = {
\t}
"""
HEAD = "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)\n"
SWITCHES, PORTS = "/bin/launchctl print-disabled system", "/usr/sbin/netstat -an -p tcp"


def a_mac(
    root: Path,
    plists: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    switches: CommandResult | str = PRINTED,
    ports: CommandResult | str = HEAD,
) -> Host:
    files = {path: plistlib.dumps(content) for path, content in (plists or {}).items()}
    return a_device(root, files, programs={SWITCHES: switches, PORTS: ports})


def jobs(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_services.tables(host), "vigie_mac_services")


def offers(host: Host) -> dict[object, tuple[object, object]]:
    return {
        row["service"]: (row.get("offered"), row["origin"])
        for row in rows_of(vigie_mac_services.tables(host), "vigie_mac_sharing")
        if row["collected"] == "yes"
    }


def listening(*addresses: str) -> str:
    lines = (f"tcp46      0      0  {each:<22} *.*    LISTEN\n" for each in addresses)
    return HEAD + "".join(lines)


def test_a_job_that_was_switched_off_or_on_follows_the_switch_and_not_its_file(
    tmp_path: Path,
) -> None:
    host = a_mac(
        tmp_path,
        {
            f"{DAEMONS}/fr.off.plist": {"Label": "fr.off", "RunAtLoad": True},
            f"{DAEMONS}/fr.back.plist": {"Label": "fr.back", "Disabled": True, "RunAtLoad": True},
            f"{DAEMONS}/fr.never.plist": {"Label": "fr.never", "Disabled": True},
            f"{DAEMONS}/fr.plain.plist": {"Label": "fr.plain", "RunAtLoad": True},
            f"{DAEMONS}/README.txt": {},
        },
    )

    assert [row["name"] for row in jobs(host)] == ["fr.back", "fr.plain"]


def test_a_job_of_a_person_is_of_the_session_and_names_nobody(tmp_path: Path) -> None:
    folder = "/Users/marie/Library/LaunchAgents"
    host = a_mac(
        tmp_path,
        {
            f"{folder}/fr.mine.plist": {
                "Label": "fr.mine",
                "ProgramArguments": ["/Users/marie/bin/mine", "--key", "s3cret"],
                "RunAtLoad": True,
            }
        },
    )

    (row,) = jobs(host)

    assert (row["scope"], row["program"]) == ("user", "/Users/*/bin/mine")
    assert "marie" not in str(row)
    assert "s3cret" not in str(row)


def test_a_closed_folder_or_file_is_told_and_names_nobody(tmp_path: Path) -> None:
    host = a_mac(tmp_path, {"/Users/marie/.keep": {}})
    closed(host, f"{DAEMONS}/fr.secret.plist")
    host.path("/Users/marie/Library/LaunchAgents").parent.mkdir()
    host.path("/Users/marie/Library/LaunchAgents").write_text("no folder")

    rows = jobs(host)

    assert {row["collected"] for row in rows} == {"no"}
    assert len(rows) == 2
    assert "marie" not in str(rows)


def test_a_damaged_job_is_told(tmp_path: Path) -> None:
    host = a_mac(tmp_path)
    host.path(DAEMONS).mkdir(parents=True)
    host.path(f"{DAEMONS}/fr.odd.plist").write_bytes(b"<plist>\x00never ends")

    (row,) = jobs(host)

    assert (row["collected"], row["why"]) == (
        "no",
        f"{DAEMONS}/fr.odd.plist could not be understood",
    )


def test_without_the_switches_jobs_are_told_by_their_files_and_that_is_said(
    tmp_path: Path,
) -> None:
    plists = {f"{DAEMONS}/fr.off.plist": {"Label": "fr.off", "RunAtLoad": True}}
    host = a_mac(tmp_path, plists, switches=failed("launchctl: not permitted"))

    collected = {row["collected"]: row for row in jobs(host)}

    assert collected["yes"]["name"] == "fr.off"
    assert str(collected["no"]["why"]).startswith("which jobs were switched off: ")


@pytest.mark.parametrize(
    ("plist", "start"),
    [
        ({"RunAtLoad": True}, "auto"),
        ({"KeepAlive": True}, "auto"),
        ({"KeepAlive": {"SuccessfulExit": False}}, "auto"),
        ({"KeepAlive": False}, "on_demand"),
        ({"KeepAlive": {}}, "on_demand"),
        ({"StartInterval": 3600}, "scheduled"),
        ({"StartCalendarInterval": {"Hour": 2}}, "scheduled"),
        ({"RunAtLoad": True, "StartInterval": 3600}, "auto"),
        ({"MachServices": {"fr.x": True}}, "on_demand"),
        ({"RunAtLoad": "yes"}, "on_demand"),
        ({}, "on_demand"),
    ],
)
def test_when_a_job_starts(plist: Mapping[str, object], start: str) -> None:
    assert read_job(plist, "fr.x.plist").start == start


@pytest.mark.parametrize(
    ("plist", "label", "program"),
    [
        ({"Label": "fr.x", "Program": "/opt/x"}, "fr.x", "/opt/x"),
        ({"Label": "fr.x", "ProgramArguments": ["/opt/y", "-k"]}, "fr.x", "/opt/y"),
        ({"Label": "fr.x", "ProgramArguments": []}, "fr.x", ""),
        ({"Label": "fr.x", "ProgramArguments": [7]}, "fr.x", ""),
        ({"Label": 7}, "fr.file", ""),
        ({}, "fr.file", ""),
    ],
)
def test_a_job_goes_by_its_label_or_its_file(
    plist: Mapping[str, object], label: str, program: str
) -> None:
    job = read_job(plist, "fr.file.plist")

    assert (job.label, job.program) == (label, program)


def test_old_releases_print_true_for_what_is_disabled() -> None:
    old = 'disabled services = {\n\t"a" => true\n\t"b" => false\n}\n'

    assert read_overrides(old) == {"a": False, "b": True}
    assert read_overrides(PRINTED) == {
        "com.openssh.sshd": True,
        "com.apple.smbd": False,
        "fr.off": False,
        "fr.back": True,
    }


@pytest.mark.parametrize("printed", ["", "Could not find domain\n", '"a" => enabled\n'])
def test_other_words_of_launchctl_are_no_answer(printed: str) -> None:
    assert read_overrides(printed) is None


def test_only_what_listens_beyond_the_mac_counts() -> None:
    printed = listening("*.22", "127.0.0.1.631", "::1.631", "192.0.2.7.5900", "*.*") + (
        "tcp4       0      0  192.0.2.7.445   192.0.2.8.50500   ESTABLISHED\n"
        "udp4       0      0  *.5353          *.*\n"
    )

    assert read_listeners(printed) == frozenset({22, 5900})
    assert read_listeners(HEAD) == frozenset()
    assert read_listeners("netstat: sysctl: nonsense\n") is None


def test_what_is_switched_on_or_listens_is_offered(tmp_path: Path) -> None:
    host = a_mac(tmp_path, ports=listening("*.5900"))

    assert offers(host) == {
        "file_sharing": (0, "setting"),
        "ssh": (1, "setting"),
        "vnc": (1, "listener"),
        "remote_desktop": (0, "setting"),
        "remote_management": (0, "setting"),
    }


def test_remote_management_is_on_where_its_mark_is(tmp_path: Path) -> None:
    host = a_mac(tmp_path)
    mark = "/Library/Application Support/Apple/Remote Desktop/RemoteManagement.launchd"
    host.path(mark).parent.mkdir(parents=True)
    host.path(mark).write_text("enabled")

    assert offers(host)["remote_desktop"] == (1, "setting")


@pytest.mark.parametrize(
    ("switches", "ports"),
    [(CommandResult(Outcome.TIMED_OUT), HEAD), (PRINTED, failed("netstat: denied")),
     ("Could not find domain", HEAD)],
)  # fmt: skip
def test_off_by_one_of_the_two_is_no_proof(
    tmp_path: Path, switches: CommandResult | str, ports: CommandResult | str
) -> None:
    host = a_mac(tmp_path, switches=switches, ports=ports)

    rows = rows_of(vigie_mac_services.tables(host), "vigie_mac_sharing")

    assert {row["service"] for row in rows if row["collected"] == "no"} >= {"vnc", "file_sharing"}
    assert not any(row.get("offered") == 0 for row in rows)
