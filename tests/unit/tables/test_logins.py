"""sudoers, last and logged_in_users."""

import struct
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import PermissionNeeded
from vigie_agent.tables import logins, sudoers
from vigie_agent.tables.account_state import has_wide_utmp


def record(kind: int, pid: int, tty: str, user: str, host: str, seconds: int) -> bytes:
    tail = "hhqqq16s20x4x" if has_wide_utmp() else "hhiii16s20x"
    return struct.pack(
        f"=hxxi32s4s32s256s{tail}",
        kind, pid, tty.encode(), b"", user.encode(), host.encode(), 0, 0, 0, seconds, 0, b"",
    )  # fmt: skip


def test_last_tells_logins_and_ends_of_processes(tmp_path: Path) -> None:
    wtmp = (
        record(2, 0, "~", "reboot", "6.1.0", 1795000000)
        + record(7, 500, "pts/0", "alice", "10.9.8.7", 1795000100)
        + record(8, 500, "pts/0", "", "", 1795000300)
    )
    host = a_device(tmp_path, {"/var/log/wtmp": wtmp})

    rows = rows_of(logins.tables(host), "last")

    assert rows == [
        {
            "username": "alice",
            "tty": "pts/0",
            "pid": 500,
            "type": 7,
            "type_name": "user-process",
            "time": 1795000100,
            "host": "10.9.8.7",
        },
        {
            "username": "",
            "tty": "pts/0",
            "pid": 500,
            "type": 8,
            "type_name": "dead-process",
            "time": 1795000300,
            "host": "",
        },
    ]


def test_logged_in_users_tell_every_kind_of_record(tmp_path: Path) -> None:
    utmp = (
        record(0, 0, "", "", "", 0)
        + record(2, 0, "~", "reboot", "6.1.0-test", 1795000000)
        + record(1, 53, "~", "runlevel", "6.1.0-test", 1795000005)
        + record(6, 400, "tty2", "LOGIN", "", 1795000006)
        + record(7, 19, "pts/0", "alice", "10.9.8.7", 1795000100)
    )
    host = a_device(tmp_path, {"/run/utmp": utmp})

    rows = rows_of(logins.tables(host), "logged_in_users")

    assert [(row["type"], row["user"], row["tty"], row["pid"]) for row in rows] == [
        ("boot_time", "reboot", "~", 0),
        ("runlevel", "runlevel", "~", 53),
        ("login", "LOGIN", "tty2", 400),
        ("user", "alice", "pts/0", 19),
    ]


def test_a_device_without_registers_has_no_rows(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    assert rows_of(logins.tables(host), "last") == []
    assert rows_of(logins.tables(host), "logged_in_users") == []


def test_sudoers_are_told_line_by_line(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/sudoers": (
                "# comment\nDefaults\tenv_reset\nroot ALL=(ALL:ALL) ALL\n"
                "alice ALL=(root) NOPASSWD: /usr/bin/apt, \\\n  /usr/bin/dpkg\n"
                "#includedir /etc/sudoers.d\n"
            ),
            "/etc/sudoers.d/10-ops": "%ops ALL=(ALL) NOPASSWD:ALL\n",
        },
    )

    rows = rows_of(sudoers.tables(host), "sudoers")

    assert [(row["header"], row["rule_details"]) for row in rows] == [
        ("Defaults", "env_reset"),
        ("root", "ALL=(ALL:ALL) ALL"),
        ("alice", "ALL=(root) NOPASSWD: /usr/bin/apt,    /usr/bin/dpkg"),
        ("#includedir", "/etc/sudoers.d"),
        ("%ops", "ALL=(ALL) NOPASSWD:ALL"),
    ]


def test_closed_sudoers_ask_for_rights(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/etc/sudoers")

    with pytest.raises(PermissionNeeded, match="run as root to read /etc/sudoers"):
        rows_of(sudoers.tables(host), "sudoers")
