"""A desktop in a folder, asked with the packs' own SQL: rows follow what people change on it.

Its files are real ones: databases that dconf compiled, stores that SQLite wrote and another
connection still holds, a tree that stands for sysfs. Between changes the digest stays.
"""

import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from components import required_program
from fake_host import a_device
from simulated_machines import PACKS
from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

COMPILED: Final = Path(__file__).parents[1] / "fixtures" / "linux" / "dconf"
LOGIN_DATA: Final = "home/marie/.config/google-chrome/Default/Login Data"
DCONF: Final = "home/marie/.config/dconf/user"
SWITCH: Final = "sys/class/rfkill/rfkill2"

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="the embedded engine is for Linux"
)

Row = Mapping[str, str]


class Desktop:
    """A GNOME desktop of marie's with Bluetooth, Chrome and Firefox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host: Host = a_device(
            root,
            {
                "/etc/passwd": (
                    "root:x:0:0:root:/root:/bin/bash\nmarie:x:1001:1001::/home/marie:/bin/bash\n"
                ),
                "/etc/dconf/profile/user": "user-db:user\nsystem-db:local\n",
                "/usr/share/xsessions/gnome.desktop": "",
                "/usr/share/glib-2.0/schemas/gschemas.compiled": _compiled("gschemas.compiled"),
                "/home/marie/.mozilla/firefox/x1.default/logins.json": '{"logins": []}',
                "/sys/class/bluetooth/hci0/address": "02:00:00:00:00:01\n",
                f"/{SWITCH}/type": "bluetooth\n",
                f"/{SWITCH}/name": "hci0\n",
                f"/{SWITCH}/soft": "0\n",
                f"/{SWITCH}/hard": "0\n",
                "/var/lib/dpkg/status": (
                    "Package: firefox-esr\nStatus: install ok installed\nVersion: 140.5.0\n"
                    "Maintainer: Debian\nArchitecture: amd64\n\n"
                ),
            },
            programs={"busctl": "b true\nb true\n"},
        )
        self._engine = EmbeddedEngine(all_tables(self.host))

    def ask(self, query_name: str) -> list[Row]:
        """The rows of a shipped query, asked twice: an idle desktop has one digest."""
        topic = query_name.partition("_linux_")[0]
        (query,) = (query for query in PACKS[topic].queries if query.name == query_name)
        first, second = (self._rows(query.sql) for _ in range(2))
        assert _digest(first) == _digest(second)
        return first

    def write(self, path: str, content: str | bytes) -> None:
        """Changes a file of the desktop."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)

    def _rows(self, sql: str) -> list[Row]:
        answer = self._engine.query(sql, timeout=timedelta(seconds=20))
        assert not isinstance(answer, QueryError), answer
        return [dict(row) for row in answer.rows]


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    return Desktop(tmp_path / "device")


@pytest.fixture
def chrome(desktop: Desktop) -> Iterator[sqlite3.Connection]:
    """Chrome runs: its store is open, and stays so while it is counted."""
    desktop.write(LOGIN_DATA, b"")
    database = sqlite3.connect(desktop.root / LOGIN_DATA)
    database.execute(
        "CREATE TABLE logins (origin_url TEXT, username_value TEXT, password_value BLOB, "
        "blacklisted_by_user INTEGER NOT NULL)"
    )
    database.commit()

    yield database

    database.close()


def test_a_password_that_is_saved_is_seen_at_the_next_collection(
    desktop: Desktop, chrome: sqlite3.Connection
) -> None:
    def saved() -> dict[str, str]:
        rows = desktop.ask("browsers_linux_saved_passwords")
        return {row["browser"]: row["saved_passwords"] for row in rows}

    before = saved()
    _save(chrome, "https://dossier.example", never=0)
    _save(chrome, "https://banque.example", never=1)
    after = saved()
    chrome.execute("DELETE FROM logins")
    chrome.commit()

    assert (before, after) == ({"chrome": "0", "firefox": "0"}, {"chrome": "1", "firefox": "0"})
    assert saved() == before


def test_a_password_that_is_being_saved_does_not_lock_anybody_out(
    desktop: Desktop, chrome: sqlite3.Connection
) -> None:
    chrome.execute("BEGIN EXCLUSIVE")
    chrome.execute("INSERT INTO logins VALUES ('https://a.example', 'm', x'00', 0)")

    rows = desktop.ask("browsers_linux_saved_passwords")

    assert {row["collected"] for row in rows} == {"yes"}
    chrome.commit()  # nothing that was read stands in its way


def test_a_policy_that_is_set_is_seen(desktop: Desktop) -> None:
    before = desktop.ask("browsers_linux_policy")
    desktop.write(
        "etc/firefox/policies/policies.json", '{"policies": {"PasswordManagerEnabled": false}}'
    )

    (after,) = desktop.ask("browsers_linux_policy")

    assert before == []
    assert (after["browser"], after["saving_allowed"]) == ("firefox", "0")


def test_who_turns_the_lock_off_is_seen_until_the_administrator_locks_it(desktop: Desktop) -> None:
    def lock() -> tuple[str, str, str]:
        (row,) = desktop.ask("screen_lock_linux_users")
        return row["locks"], row["lock_after_seconds"], row["enforced"]

    untouched = lock()
    desktop.write(DCONF, _compiled("user-never"))
    turned_off = lock()
    desktop.write(DCONF, _compiled("user-hour"))
    an_hour = lock()
    desktop.write("etc/dconf/db/local", _compiled("local-locked"))

    assert untouched == ("1", "300", "0")
    assert turned_off == ("0", "", "0")
    assert an_hour == ("1", "3660", "0")
    assert lock() == ("1", "300", "1")


def test_a_database_that_dconf_compiles_here_is_read(desktop: Desktop, tmp_path: Path) -> None:
    texts = tmp_path / "texts.d"
    texts.mkdir()
    (texts / "lock").write_text("[org/gnome/desktop/session]\nidle-delay=uint32 777\n")
    dconf = required_program("dconf")
    subprocess.run([dconf, "compile", str(tmp_path / "user"), str(texts)], check=True, timeout=20)
    desktop.write(DCONF, (tmp_path / "user").read_bytes())

    (row,) = desktop.ask("screen_lock_linux_users")

    assert row["lock_after_seconds"] == "777"


def test_a_radio_that_is_switched_off_is_seen(desktop: Desktop) -> None:
    def radio() -> tuple[str, str, str]:
        (row,) = desktop.ask("bluetooth_linux_adapters")
        return row["powered"], row["discoverable"], row["blocked"]

    on = radio()
    desktop.write(f"{SWITCH}/soft", "1\n")
    off = radio()
    desktop.write(f"{SWITCH}/soft", "0\n")

    assert (on, off, radio()) == (("1", "1", "0"), ("0", "0", "1"), ("1", "1", "0"))


def test_an_adapter_that_is_unplugged_is_gone(desktop: Desktop) -> None:
    shutil.rmtree(desktop.root / "sys/class/bluetooth/hci0")

    assert desktop.ask("bluetooth_linux_adapters") == []


def test_a_browser_starts_to_be_kept_up_to_date(desktop: Desktop) -> None:
    def enabled() -> str:
        (row,) = desktop.ask("updates_linux_products")
        return row["enabled"]

    before = enabled()
    desktop.write(
        "etc/apt/apt.conf.d/20auto-upgrades",
        'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
        'Unattended-Upgrade::Origins-Pattern { "origin=Debian,label=Debian-Security"; };\n',
    )

    assert (before, enabled()) == ("0", "1")


def _save(chrome: sqlite3.Connection, site: str, *, never: int) -> None:
    chrome.execute("INSERT INTO logins VALUES (?, 'marie', x'763130', ?)", (site, never))
    chrome.commit()


def _compiled(name: str) -> bytes:
    return (COMPILED / name).read_bytes()


def _digest(rows: list[Row]) -> bytes:
    columns = sorted(rows[0]) if rows else []
    return Snapshot.of(
        topic="desktop",
        topic_version=1,
        status=Status.OK,
        columns=columns,
        rows=[[row[column] for column in columns] for row in rows],
    ).digest
