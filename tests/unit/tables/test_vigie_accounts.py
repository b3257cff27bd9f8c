"""vigie_local_accounts, vigie_admin_rights, vigie_elevation, vigie_sessions: made-up devices."""

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_admin_rights, vigie_local_accounts, vigie_sessions
from vigie_agent.tables.account_state import Password, has_wide_utmp, read_shadow
from vigie_agent.tables.host import Host
from vigie_agent.tables.login_records import (
    LoginRecord,
    read_lastlog,
    read_lastlog2,
    read_utmp,
    read_wtmpdb,
)
from vigie_agent.tables.vigie_sessions import Session, read_logind_session

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = 86_400
TODAY = int(NOW.timestamp()) // DAY
PASSWD = (
    "root:x:0:0:root:/root:/bin/bash\n"
    "www-data:x:33:33::/var/www:/usr/sbin/nologin\n"
    "alice:x:1000:1000::/home/alice:/bin/bash\n"
    "bob:x:1001:1001::/home/bob:\n"
    "carol:x:1002:1002::/home/carol:/bin/zsh\n"
)
SHADOW = (
    "root:!:20000:0:99999:7:::\n"
    "www-data:*:20000:0:99999:7:::\n"
    "alice:$y$j9T$secret:20100:0:365:7:::\n"
    f"bob:$6$secret:20100:0:99999:7::{TODAY}:\n"
    "carol::20100:0:99999:7:::\n"
)
DEVICE = {
    "/etc/passwd": PASSWD,
    "/etc/shadow": SHADOW,
    "/etc/group": "root:x:0:\nsudo:x:27:alice\n",
    "/etc/sudoers": "Defaults env_reset\nroot ALL=(ALL) ALL\n%sudo ALL=(ALL) NOPASSWD: ALL\n",
}


def utmp(kind: int, user: str, host: str, seconds: int, *, wide: bool | None = None) -> bytes:
    """A record as login writes it on this machine (or on one with 64-bit times)."""
    tail = "hhqqq16s20x4x" if (has_wide_utmp() if wide is None else wide) else "hhiii16s20x"
    return struct.pack(
        f"=hxxi32s4s32s256s{tail}",
        kind, 42, b"pts/0", b"ts/0", user.encode(), host.encode(), 0, 0, 0, seconds, 0, b"",
    )  # fmt: skip


def accounts(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_local_accounts.tables(host, lambda: NOW), "vigie_local_accounts")
    return {row["username"]: row for row in rows}


def rights(host: Host) -> list[TableRow]:
    return rows_of(vigie_admin_rights.tables(host, lambda: NOW), "vigie_admin_rights")


def test_an_account_is_told_with_its_state_and_rights(tmp_path: Path) -> None:
    login = 1_795_000_100
    host = a_device(tmp_path, {**DEVICE, "/var/log/wtmp": utmp(7, "alice", "", login)})

    alice = accounts(host)["alice"]

    assert alice == {
        "username": "alice",
        "uid": 1000,
        "gid": 1000,
        "shell": "/bin/bash",
        "interactive": 1,
        "enabled": 1,
        "is_admin": 1,
        "admin_via": "group sudo, sudoers %sudo",
        "password_status": "set",
        "password_last_change": 20100 * DAY,
        "expires": None,
        "password_max_days": 365,
        "last_login_day": login // DAY * DAY,
        "shadow_read": 1,
        "sudoers_read": 1,
        "logins_read": 1,
        "collected": "yes",
        "why": "",
    }


def test_an_account_is_enabled_when_someone_can_open_a_session_with_it(tmp_path: Path) -> None:
    found = accounts(a_device(tmp_path, DEVICE))

    assert {name: (row["enabled"], row["password_status"]) for name, row in found.items()} == {
        "root": (0, "none"),
        "www-data": (0, "none"),
        "alice": (1, "set"),
        "bob": (0, "set"),  # expired today
        "carol": (1, "empty"),
    }


def test_without_rights_what_is_known_stays_and_the_rest_is_null(tmp_path: Path) -> None:
    host = a_device(tmp_path, DEVICE)
    for path in ("/etc/shadow", "/etc/sudoers"):
        closed(host, path)

    found = accounts(host)

    assert {name: (row["enabled"], row["is_admin"]) for name, row in found.items()} == {
        "root": (None, 1),
        "www-data": (0, None),
        "alice": (None, 1),
        "bob": (None, None),
        "carol": (None, None),
    }
    assert found["bob"]["password_status"] is None
    assert found["bob"]["collected"] == "yes"
    assert found["bob"]["why"] == (
        "/etc/shadow is readable by root only, /etc/sudoers is readable by root only, "
        "this device keeps no register of logins that could be read"
    )


def test_an_empty_password_in_passwd_itself_is_noticed(tmp_path: Path) -> None:
    passwd = PASSWD.replace("alice:x:", "alice::")

    found = accounts(a_device(tmp_path, {**DEVICE, "/etc/passwd": passwd}))

    assert found["alice"]["password_status"] == "empty"


def test_a_device_without_accounts_is_one_that_could_not_be_read(tmp_path: Path) -> None:
    tables = vigie_local_accounts.tables(a_device(tmp_path), lambda: NOW)

    (row,) = rows_of(tables, "vigie_local_accounts")

    assert (row["collected"], row["why"]) == ("no", "/etc/passwd could not be read")


def test_no_hash_of_a_password_leaves_the_device(tmp_path: Path) -> None:
    host = a_device(tmp_path, DEVICE)

    everything = str([*accounts(host).values(), *rights(host)])

    assert "secret" not in everything


def test_a_row_for_each_way_to_administration_rights(tmp_path: Path) -> None:
    rows = rights(a_device(tmp_path, DEVICE))

    found = [(row["account"], row["via"], row["enabled"], row["builtin"]) for row in rows]
    assert found == [
        ("root", "uid 0", 0, 1),
        ("alice", "group sudo", 1, 0),
        ("root", "sudoers root", 0, 1),
        ("alice", "sudoers %sudo", 1, 0),
    ]


def test_closed_sudoers_are_a_row_beside_what_is_known(tmp_path: Path) -> None:
    host = a_device(tmp_path, DEVICE)
    closed(host, "/etc/sudoers")

    rows = rights(host)

    assert [(row.get("account"), row["collected"]) for row in rows] == [
        ("root", "yes"),
        ("alice", "yes"),
        (None, "no"),
    ]


def test_names_of_a_directory_are_remote(tmp_path: Path) -> None:
    host = a_device(tmp_path, {**DEVICE, "/etc/sudoers": "%it-team ALL=ALL\n"})

    (row,) = [row for row in rights(host) if row["source"] == "remote"]

    assert (row["account"], row["kind"], row["account_id"], row["enabled"]) == (
        "%it-team",
        "group",
        None,
        None,
    )


def test_raising_rights_without_a_password_is_not_guarded(tmp_path: Path) -> None:
    sudoers = "root ALL=ALL\n%sudo ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) ALL\n"
    host = a_device(tmp_path, {"/etc/sudoers": sudoers})

    rows = rows_of(vigie_admin_rights.tables(host), "vigie_elevation")

    assert [(row["setting"], row["value"], row["guarded"]) for row in rows] == [
        ("sudo %sudo", "(ALL) NOPASSWD: ALL", 0),
        ("sudo bob", "(ALL) ALL", 1),
    ]


def test_a_default_without_authentication_guards_nothing(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/sudoers": "Defaults !authenticate\nbob ALL=(ALL) ALL\n"})

    rows = rows_of(vigie_admin_rights.tables(host), "vigie_elevation")

    assert [(row["setting"], row["guarded"]) for row in rows] == [
        ("sudo Defaults", 0),
        ("sudo bob", 0),
    ]


def test_elevation_without_rights_is_not_known_and_without_sudo_is_nothing(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    without = rows_of(vigie_admin_rights.tables(host), "vigie_elevation")
    closed(host, "/etc/sudoers")
    (row,) = rows_of(vigie_admin_rights.tables(host), "vigie_elevation")

    assert without == []
    assert (row["collected"], row["why"]) == ("no", "/etc/sudoers is readable by root only")


def test_sessions_of_both_registers_are_told_once_an_account(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            **DEVICE,
            "/run/utmp": utmp(7, "alice", "10.0.0.1", 1) + utmp(8, "bob", "", 2),
            "/run/systemd/sessions/1": "USER=alice\nCLASS=user\nREMOTE=0\nSTATE=active\n",
            "/run/systemd/sessions/1.ref": "",
            "/run/systemd/sessions/c2": "USER=gdm\nCLASS=greeter\nREMOTE=0\n",
            "/run/systemd/sessions/3": "USER=dana\nCLASS=user\nREMOTE=1\n",
        },
    )

    rows = rows_of(vigie_sessions.tables(host), "vigie_sessions")

    assert [(row["username"], row["uid"], row["remote"], row["is_admin"]) for row in rows] == [
        ("alice", "1000", 0, 1),
        ("dana", None, 1, None),
    ]
    assert [row["why"] for row in rows] == [
        "",
        "an account of a directory: what its groups give is known there alone",
    ]


def test_no_open_session_is_a_fact_and_no_register_is_not(tmp_path: Path) -> None:
    (unknown,) = rows_of(vigie_sessions.tables(a_device(tmp_path, DEVICE)), "vigie_sessions")
    (tmp_path / "run/systemd/sessions").mkdir(parents=True)
    nobody = rows_of(vigie_sessions.tables(Host(root=tmp_path)), "vigie_sessions")

    assert unknown["collected"] == "no"
    assert nobody == []


@pytest.mark.parametrize(
    ("text", "session"),
    [
        ("USER=a\nCLASS=user\nREMOTE=1", Session("a", remote=True)),
        ("USER=a\nCLASS=user\nSTATE=closing", None),
        ("USER=a\nCLASS=manager", None),
        ("CLASS=user", None),
        ("", None),
    ],
)
def test_a_session_of_logind_is_a_persons_or_none(text: str, session: Session | None) -> None:
    assert read_logind_session(text) == session


@pytest.mark.parametrize("wide", [False, True])
def test_a_torn_record_loses_only_itself(*, wide: bool) -> None:
    data = utmp(7, "alice", "host", 100, wide=wide) + utmp(8, "", "", 200, wide=wide)

    records = read_utmp(data[:-1], wide=wide)

    assert records == (LoginRecord(7, 42, "pts/0", "alice", "host", 100),)


def test_the_newest_login_of_all_registers_counts(tmp_path: Path) -> None:
    lastlog = bytes(292) * 1000 + struct.pack("=i32s256s", 5 * DAY, b"", b"")
    host = a_device(
        tmp_path,
        {
            **DEVICE,
            "/var/log/wtmp": utmp(7, "alice", "", 3 * DAY) + utmp(7, "bob", "", 4 * DAY),
            "/var/log/wtmp.1": utmp(7, "bob", "", 1 * DAY),
            "/var/log/lastlog": lastlog,
        },
    )

    found = accounts(host)

    assert {name: row["last_login_day"] for name, row in found.items()} == {
        "root": None,
        "www-data": None,
        "alice": 5 * DAY,
        "bob": 4 * DAY,
        "carol": None,
    }


def test_the_registers_of_recent_systems_are_read(tmp_path: Path) -> None:
    for folder in ("var/lib/wtmpdb", "var/lib/lastlog"):
        (tmp_path / folder).mkdir(parents=True)
    wtmpdb, lastlog2 = tmp_path / "var/lib/wtmpdb/wtmp.db", tmp_path / "var/lib/lastlog/lastlog2.db"
    with closing(sqlite3.connect(wtmpdb)) as opened:
        opened.execute("CREATE TABLE wtmp (Type, User, Login)")
        opened.executemany(
            "INSERT INTO wtmp VALUES (?, ?, ?)",
            [(3, "alice", 9 * DAY * 1_000_000), (1, "reboot", 99 * DAY * 1_000_000), (3, None, 1)],
        )
        opened.commit()
    with closing(sqlite3.connect(lastlog2)) as opened:
        opened.execute("CREATE TABLE Lastlog2 (Name, Time)")
        opened.execute("INSERT INTO Lastlog2 VALUES ('bob', ?)", (8 * DAY,))
        opened.commit()

    found = accounts(a_device(tmp_path, DEVICE))

    assert (found["alice"]["last_login_day"], found["bob"]["last_login_day"]) == (9 * DAY, 8 * DAY)


@pytest.mark.parametrize("read", [read_wtmpdb, read_lastlog2])
def test_a_damaged_register_is_an_error(
    tmp_path: Path, read: Callable[[Path], dict[str, int]]
) -> None:
    (tmp_path / "x.db").write_text("this is no database")

    with pytest.raises(OSError, match=r"x\.db could not be read"):
        read(tmp_path / "x.db")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.db")


def test_lastlog_is_indexed_by_uid() -> None:
    data = bytes(292) + struct.pack("=i32s256s", 77, b"tty1", b"") + b"torn"

    assert read_lastlog(data) == {1: 77}


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("", "empty"),
        ("!", "none"),
        ("*", "none"),
        ("!!", "none"),
        ("!$6$hash", "locked"),
        ("$6$hash", "set"),
        ("oldcrypt", "set"),
    ],
)
def test_the_state_of_a_password_without_the_password(field: str, status: str) -> None:
    assert read_shadow(f"a:{field}:1:0:99999:7:::")["a"].status == status


def test_damaged_shadow_lines_are_read_as_far_as_they_go() -> None:
    found = read_shadow("a:$6$x\nb\n:x:\n\nc:$6$x:-1:x:y:z:w:v\n")

    assert found == {
        "a": Password("set", None, -1, None),
        "c": Password("set", None, -1, None),
    }
