"""Passwords that browsers keep, counted and never read, and what policies say of them."""

import json
import os
import plistlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, closed, rows_of
from fake_windows import DENIED, WrittenWindows
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import saved_logins, vigie_browser_passwords, vigie_browser_policies
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host
from vigie_agent.tables.saved_logins import (
    UnreadableStore,
    count_chromium_logins,
    count_firefox_logins,
)
from vigie_agent.tables.windows_system import LocalUser, RegistryData, Unread

PASSWD: Final = "marie:x:1001:1001::/home/marie:/bin/bash\n"
CHROME: Final = "/home/marie/.config/google-chrome"
FIREFOX: Final = "/home/marie/.mozilla/firefox/a1b2.default"
MARIE: Final = "S-1-5-21-1-2-3-1001"
EDGE_OF_MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge"
EDGE_OF_MARIE: Final = f"HKEY_USERS\\{MARIE}\\Software\\Policies\\Microsoft\\Edge"
MANAGED: Final = "/etc/opt/chrome/policies/managed"


def a_login_data(
    folder: Path,
    never: Sequence[int] = (),
    *,
    table: str = "CREATE TABLE logins (origin_url TEXT, password_value BLOB, "
    "blacklisted_by_user INTEGER NOT NULL)",
    wal: bool = False,
) -> bytes:
    """A store as Chrome makes it, one row a mark: 1 where the person chose "never"."""
    path = folder / "made.db"
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    if wal:
        database.execute("PRAGMA journal_mode = WAL")
    database.execute(table)
    if never:
        rows = [("https://secret.example", b"v10xx", mark) for mark in never]
        database.executemany("INSERT INTO logins VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    return path.read_bytes()


def passwords(host: Host, system: str = "linux") -> list[TableRow]:
    return rows_of(vigie_browser_passwords.tables(host, system), "vigie_browser_passwords")


def test_a_store_is_counted_and_nothing_of_it_is_told(tmp_path: Path) -> None:
    host = a_device(
        tmp_path / "device",
        {"/etc/passwd": PASSWD, f"{CHROME}/Default/Login Data": a_login_data(tmp_path, [0, 0])},
    )

    (row,) = passwords(host)

    assert (row["browser"], row["username"], row["profile"], row["saved"]) == (
        "chrome",
        "marie",
        "Default",
        2,
    )
    assert "secret.example" not in json.dumps(row)


def test_a_site_marked_never_is_no_saved_password(tmp_path: Path) -> None:
    assert count_chromium_logins(a_login_data(tmp_path, [1, 0, 1])) == 1


def test_a_store_that_exists_and_is_empty_keeps_none(tmp_path: Path) -> None:
    assert count_chromium_logins(a_login_data(tmp_path)) == 0
    assert count_chromium_logins(b"") == 0


def test_a_store_that_is_being_written_to_is_counted(tmp_path: Path) -> None:
    assert count_chromium_logins(a_login_data(tmp_path, [0], wal=True)) == 1


def test_the_stores_of_the_device_and_of_the_signed_in_account_add_up(tmp_path: Path) -> None:
    one = a_login_data(tmp_path, [0])
    host = a_device(
        tmp_path / "device",
        {
            "/etc/passwd": PASSWD,
            f"{CHROME}/Default/Login Data": one,
            f"{CHROME}/Default/Login Data For Account": a_login_data(tmp_path, [0, 0]),
            f"{CHROME}/Profile 1/Login Data": one,
        },
    )

    assert {row["profile"]: row["saved"] for row in passwords(host)} == {
        "Default": 3,
        "Profile 1": 1,
    }


@pytest.mark.parametrize(
    "table",
    [
        "CREATE VIEW logins AS SELECT 1 AS blacklisted_by_user",
        "CREATE TABLE other (a)",
        "CREATE VIRTUAL TABLE logins USING fts5(blacklisted_by_user)",
    ],
)
def test_what_only_looks_like_a_store_is_not_counted(table: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableStore):
        count_chromium_logins(a_login_data(tmp_path, table=table))


def test_a_column_made_to_compute_for_ever_is_not_evaluated(tmp_path: Path) -> None:
    endless = "(length(replace(hex(zeroblob(900000)), '0', 'x')))"
    path = tmp_path / "slow.db"
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE logins (a, blacklisted_by_user AS {endless} VIRTUAL)")
    database.executemany("INSERT INTO logins (a) VALUES (?)", [(n,) for n in range(10)])
    database.commit()
    database.close()

    assert count_chromium_logins(path.read_bytes()) == 10


def test_counting_is_given_up_after_so_many_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_logins, "_STEPS_BETWEEN_LOOKS", 1)
    monkeypatch.setattr(saved_logins, "_MOST_LOOKS", 0)

    with pytest.raises(UnreadableStore, match="interrupted"):
        count_chromium_logins(a_login_data(tmp_path, [0] * 50))


@pytest.mark.parametrize("damaged", [b"SQLite format 3\0" + bytes(90), b"not a database" * 50])
def test_a_damaged_store_is_not_an_empty_one(damaged: bytes, tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD, f"{CHROME}/Default/Login Data": damaged})

    (row,) = passwords(host)

    assert (row["collected"], row["profile"]) == ("no", "Default")
    assert "saved" not in row


def test_a_store_too_large_to_be_counted_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigie_browser_passwords, "MAX_BYTES", 10)
    host = a_device(
        tmp_path / "device",
        {"/etc/passwd": PASSWD, f"{CHROME}/Default/Login Data": a_login_data(tmp_path, [0])},
    )

    (row,) = passwords(host)

    assert row["why"] == "the store of passwords is too large to be counted"


def test_firefox_logins_are_counted_without_its_own_key_and_the_deleted() -> None:
    logins = [
        {"hostname": "https://a.example", "encryptedPassword": "x"},
        {"hostname": "https://b.example", "deleted": True},
        {"hostname": "chrome://FirefoxAccounts"},
    ]

    assert count_firefox_logins(json.dumps({"logins": logins}).encode()) == 1
    assert count_firefox_logins(b'{"logins": []}') == 0


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"logins": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_firefox_store_is_not_an_empty_one(damaged: bytes) -> None:
    with pytest.raises(UnreadableStore):
        count_firefox_logins(damaged)


def test_a_firefox_that_keeps_passwords_in_a_newer_form_says_so(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD, f"{FIREFOX}/logins.db": b"x"})

    (row,) = passwords(host)

    assert (row["collected"], row["browser"]) == ("no", "firefox")


def test_a_profile_without_a_store_has_no_row(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD, f"{FIREFOX}/prefs.js": ""})

    assert passwords(host) == []


def test_the_profiles_of_root_are_looked_at_too(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/root/.mozilla/firefox/r.default/logins.json": '{"logins": [{"hostname": "h"}]}',
        },
    )

    assert [(row["username"], row["saved"]) for row in passwords(host)] == [("root", 1)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a folder to somebody else")
def test_a_home_that_is_closed_is_not_a_home_without_browsers(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD, "/home/marie/.profile": ""})
    closed_home = tmp_path / "home" / "marie"
    closed_home.chmod(0)

    told = _as_nobody(host)

    assert told == [("no", "marie")]


def _as_nobody(host: Host) -> list[tuple[str, str]]:
    """The rows as a process without rights gets them."""
    host.root.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        rows = [(row["collected"], row["username"]) for row in passwords(host)]
        os.write(writing, json.dumps(rows).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        return [(collected, username) for collected, username in json.load(answer)]


def test_a_store_that_cannot_be_read_is_not_collected(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD})
    closed(host, f"{CHROME}/Default/Login Data")

    (row,) = passwords(host)

    assert row["why"] == "the store of passwords: not a regular file"


def test_a_pipe_in_the_place_of_a_store_does_not_hang_the_agent(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PASSWD, f"{CHROME}/Default/Preferences": "{}"})
    os.mkfifo(host.path(f"{CHROME}/Default/Login Data"))

    (row,) = passwords(host)

    assert row["collected"] == "no"


def test_windows_and_macos_keep_profiles_elsewhere(tmp_path: Path) -> None:
    store = a_login_data(tmp_path, [0])
    host = a_device(
        tmp_path / "device",
        {
            "C:/Users/c.martin/AppData/Local/Microsoft/Edge/User Data/Default/Login Data": store,
            "C:/Users/c.martin/AppData/Roaming/Opera Software/Opera Stable/Login Data": store,
            "C:/Users/Public/AppData/Local/Google/Chrome/User Data/Default/Login Data": store,
            "/Users/d.durand/Library/Application Support/Google/Chrome/Default/Login Data": store,
            "/Applications/Safari.app/Contents/Info.plist": "",
        },
    )

    windows, mac = passwords(host, "windows"), passwords(host, "darwin")

    assert [(row["browser"], row["username"], row["saved"]) for row in windows] == [
        ("edge", "c.martin", 1),
        ("opera", "c.martin", 1),
    ]
    assert [(row["browser"], row["collected"]) for row in mac] == [
        ("chrome", "yes"),
        ("safari", "no"),
    ]


@pytest.mark.parametrize(
    ("folder", "profile", "told"),
    [
        ("", plistlib.dumps({"allowPasswordAutoFill": False}), False),
        ("", plistlib.dumps({"allowPasswordAutoFill": True}), True),
        ("", plistlib.dumps({"allowPasswordSharing": False}), True),
        ("", b"bplist00damaged", True),
        ("marie/", plistlib.dumps({"allowPasswordAutoFill": False}), True),
    ],
    ids=["forbidden to all", "allowed", "not said", "damaged", "forbidden to one account"],
)
def test_the_keychain_of_safari_is_told_as_not_read_unless_nobody_may_save_there(
    tmp_path: Path, folder: str, profile: bytes, told: bool
) -> None:
    host = a_device(
        tmp_path,
        {
            "/Users/marie/.keep": "",
            "/Applications/Safari.app/Contents/Info.plist": "",
            f"/Library/Managed Preferences/{folder}com.apple.applicationaccess.plist": profile,
        },
    )

    assert ("safari" in {row["browser"] for row in passwords(host, "darwin")}) is told


def test_what_profiles_let_safari_do_is_a_policy_of_safari(tmp_path: Path) -> None:
    profile = plistlib.dumps({"allowPasswordAutoFill": False, "PasswordManagerEnabled": True})
    files = {"/Library/Managed Preferences/com.apple.applicationaccess.plist": profile}

    assert policies(a_device(tmp_path, files), "darwin") == [
        ("safari", "allowPasswordAutoFill", "0", "yes")
    ]


def policies(host: Host, system: str = "linux") -> list[tuple[object, ...]]:
    rows = rows_of(vigie_browser_policies.tables(host, system), "vigie_browser_policies")
    return [(row["browser"], row.get("policy"), row.get("value"), row["collected"]) for row in rows]


def test_only_policies_of_the_list_are_shown(tmp_path: Path) -> None:
    text = '{"PasswordManagerEnabled": false, "HomepageLocation": "https://intranet.example"}'
    host = a_device(tmp_path, {f"{MANAGED}/essms.json": text})

    assert policies(host) == [("chrome", "PasswordManagerEnabled", "false", "yes")]


def test_without_a_policy_there_is_no_row(tmp_path: Path) -> None:
    assert policies(a_device(tmp_path, {f"{MANAGED}/essms.json": "{}"})) == []
    assert policies(a_device(tmp_path)) == []


def test_the_systems_own_policies_of_firefox_come_before_the_installations(
    tmp_path: Path,
) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/firefox/policies/policies.json": '{"policies": {"OfferToSaveLogins": false}}',
            "/usr/lib/firefox/distribution/policies.json": (
                '{"policies": {"PasswordManagerEnabled": false}}'
            ),
        },
    )

    assert policies(host) == [("firefox", "OfferToSaveLogins", "false", "yes")]


@pytest.mark.parametrize("text", ["{", "[1]", "", "[" * 100_000])
def test_a_file_that_the_browser_ignores_is_not_an_absence(text: str, tmp_path: Path) -> None:
    host = a_device(tmp_path, {f"{MANAGED}/essms.json": text})

    assert policies(host) == [("chrome", None, None, "no")]


def on_windows(root: Path, keys: Mapping[str, Mapping[str, RegistryData] | Unread]) -> Host:
    """A Windows where marie is logged on."""
    users = (LocalUser("marie", MARIE, flags=0),)
    windows = WrittenWindows(keys={f"HKEY_USERS\\{MARIE}\\Environment": {}, **keys}, users=users)
    return replace(a_device(root), windows=windows)


def test_a_policy_of_the_machine_hides_the_accounts_own(tmp_path: Path) -> None:
    machine = {EDGE_OF_MACHINE: {"PasswordManagerEnabled": 0}}
    own = {EDGE_OF_MARIE: {"PasswordManagerEnabled": 1}}

    def told(keys: Mapping[str, Mapping[str, RegistryData]]) -> list[tuple[object, object]]:
        host = on_windows(tmp_path, keys)
        rows = rows_of(vigie_browser_policies.tables(host, "windows"), "vigie_browser_policies")
        return [(row["username"], row["value"]) for row in rows]

    assert told({**machine, **own}) == [("", "0")]
    assert told(own) == [("marie", "1")]
    assert told({}) == []


def test_an_empty_value_before_a_policy_does_not_hide_it(tmp_path: Path) -> None:
    values: Mapping[str, RegistryData] = {"HomepageLocation": "", "PasswordManagerEnabled": 0}

    found = policies(on_windows(tmp_path, {EDGE_OF_MACHINE: values}), "windows")

    assert found == [("edge", "PasswordManagerEnabled", "0", "yes")]


def test_a_policy_that_may_not_be_read_is_not_an_absence(tmp_path: Path) -> None:
    found = policies(on_windows(tmp_path, {EDGE_OF_MACHINE: DENIED}), "windows")

    assert found == [("edge", None, None, "no")]


def test_the_file_beside_firefox_is_read_on_every_system(tmp_path: Path) -> None:
    text = '{"policies": {"OfferToSaveLogins": false}}'
    host = a_device(
        tmp_path,
        {
            "/C:/Program Files/Mozilla Firefox/distribution/policies.json": text,
            "/Applications/Firefox.app/Contents/Resources/distribution/policies.json": text,
        },
    )
    told = [("firefox", "OfferToSaveLogins", "false", "yes")]

    assert policies(host, "darwin") == told
    assert policies(replace(host, windows=WrittenWindows()), "windows") == told


def test_firefox_on_a_mac_obeys_only_with_its_policies_turned_on(tmp_path: Path) -> None:
    def told(**settings: object) -> list[tuple[object, ...]]:
        files = {"/Library/Managed Preferences/org.mozilla.firefox.plist": plistlib.dumps(settings)}
        return policies(a_device(tmp_path, files), "darwin")

    assert told(PasswordManagerEnabled=False) == []
    assert told(PasswordManagerEnabled=False, EnterprisePoliciesEnabled=True) == [
        ("firefox", "PasswordManagerEnabled", "0", "yes")
    ]


def test_profiles_of_a_mac_say_for_whom_they_are(tmp_path: Path) -> None:
    chrome = plistlib.dumps({"PasswordManagerEnabled": False, "HomepageLocation": "x"})
    host = a_device(
        tmp_path,
        {
            "/Users/marie/.keep": "",
            "/Library/Managed Preferences/marie/com.google.Chrome.plist": chrome,
            "/Library/Managed Preferences/com.microsoft.Edge.plist": b"bplist00damaged",
        },
    )

    rows = rows_of(vigie_browser_policies.tables(host, "darwin"), "vigie_browser_policies")

    assert [(row["browser"], row["username"], row["collected"]) for row in rows] == [
        ("chrome", "marie", "yes"),
        ("edge", "", "no"),
    ]


def test_errors_are_worded_alike_on_every_system() -> None:
    localised = PermissionError(13, "Accès refusé")

    assert reason(localised) == "permission denied"
    assert reason(OSError(28, "No space left")) == "ENOSPC"
    assert reason(OSError("odd")) == "not readable"
