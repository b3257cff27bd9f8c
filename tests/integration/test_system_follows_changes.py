"""The unit files of a real machine in a folder, asked with the packs' own SQL: rows follow changes.

What a distribution ships below /usr/lib/systemd is copied as it stands, links and all; on it are
done what `systemctl enable`, `systemctl mask`, an editor of smb.conf and a display manager's
settings do. Between changes the digest stays.
"""

import platform
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device
from simulated_machines import PACKS
from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables

UNITS: Final = Path("/usr/lib/systemd/system")
DISPLAY_MANAGER: Final = "etc/systemd/system/display-manager.service"
WANTS: Final = "etc/systemd/system/multi-user.target.wants"

pytestmark = [
    pytest.mark.skipif(platform.system() != "Linux", reason="the embedded engine is for Linux"),
    pytest.mark.skipif(
        not (UNITS / "multi-user.target").exists(),
        reason="no unit files of systemd on this machine",
    ),
]

Row = Mapping[str, str]


class Machine:
    """A folder with this machine's unit files, booted with systemd as far as files tell."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = a_device(
            root,
            {"/run/systemd/system/.keep": "", "/proc/1/comm": "systemd\n"},
            programs={"smbd": "Version 4.17.12-Debian\n"},
        )
        shutil.copytree(UNITS, root / str(UNITS).lstrip("/"), symlinks=True)
        self.link("etc/systemd/system/default.target", UNITS / "multi-user.target")
        self._engine = EmbeddedEngine(all_tables(self.host))

    def ask(self, query_name: str) -> list[Row]:
        """The rows of a shipped query, asked twice: an idle machine has one digest."""
        topic = query_name.partition("_linux_")[0]
        (query,) = (query for query in PACKS[topic].queries if query.name == query_name)
        first, second = (self._rows(query.sql) for _ in range(2))
        assert _digest(first) == _digest(second)
        return first

    def services(self) -> set[str]:
        rows = self.ask("services_linux_services")
        assert all(row["collected"] == "yes" for row in rows), rows
        return {row["name"] for row in rows}

    def write(self, path: str, content: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)

    def link(self, path: str, target: Path | str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def _rows(self, sql: str) -> list[Row]:
        answer = self._engine.query(sql, timeout=timedelta(seconds=20))
        assert not isinstance(answer, QueryError), answer
        return [dict(row) for row in answer.rows]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "device")


def test_a_unit_is_told_from_the_moment_it_is_enabled_until_it_is_masked(machine: Machine) -> None:
    machine.write(
        "usr/lib/systemd/system/anydesk.service",
        "[Unit]\nDescription=AnyDesk\n[Service]\nExecStart=/usr/bin/anydesk --service\n"
        "[Install]\nWantedBy=multi-user.target\n",
    )
    installed = machine.services()

    machine.link(f"{WANTS}/anydesk.service", "/usr/lib/systemd/system/anydesk.service")
    enabled = machine.services()
    machine.link("etc/systemd/system/anydesk.service", "/dev/null")
    masked = machine.services()

    assert installed, "the distribution's own units start as well"
    assert enabled - installed == {"anydesk.service"}
    assert masked == installed


def test_ssh_is_offered_once_its_unit_is_enabled_and_not_when_it_listens_inside_only(
    machine: Machine,
) -> None:
    def ssh() -> list[tuple[str, str]]:
        rows = machine.ask("inbound_services_linux_services")
        return [(row["offered"], row["origin"]) for row in rows if row["service"] == "ssh"]

    machine.write("usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n")
    machine.write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n")
    before = ssh()
    machine.link(f"{WANTS}/ssh.service", "/usr/lib/systemd/system/ssh.service")
    enabled = ssh()
    machine.write("etc/ssh/sshd_config.d/inside.conf", "ListenAddress 127.0.0.1\n")
    inside = ssh()

    assert (before, enabled, inside) == ([("0", "unit")], [("1", "unit")], [("0", "unit")])


def test_a_share_is_told_once_it_is_in_smb_conf_and_smb1_once_it_is_allowed(
    machine: Machine,
) -> None:
    def shares() -> list[tuple[str, str]]:
        rows = machine.ask("inbound_services_linux_shares")
        return [(row["name"], row["guarded"]) for row in rows]

    def smb1() -> list[str]:
        return [row["offered"] for row in machine.ask("inbound_services_linux_smb1")]

    machine.write("usr/lib/systemd/system/smbd.service", "[Service]\nExecStart=/usr/sbin/smbd\n")
    machine.link(f"{WANTS}/smbd.service", "/usr/lib/systemd/system/smbd.service")
    machine.write("etc/samba/smb.conf", "[global]\nworkgroup = ESSMS\n[printers]\nprintable=yes\n")
    nothing = shares(), smb1()
    machine.write(
        "etc/samba/smb.conf",
        "[global]\nserver min protocol = NT1\n[Animation]\npath = /srv/animation\nguest ok = yes\n",
    )
    shared = shares(), smb1()
    machine.remove(f"{WANTS}/smbd.service")
    stopped = shares(), smb1()

    assert nothing == ([], ["0"])
    assert shared == ([("Animation", "0")], ["1"])
    assert stopped == ([], ["0"])


def test_an_automatic_login_is_told_once_a_file_of_the_display_manager_says_so(
    machine: Machine,
) -> None:
    def opened() -> list[tuple[str, str]]:
        rows = machine.ask("automatic_login_linux_sessions")
        return [(row["method"], row["account"]) for row in rows if row["enabled"] == "1"]

    machine.write("usr/bin/sddm", "")
    machine.write("usr/sbin/gdm3", "")
    machine.link(DISPLAY_MANAGER, "/usr/lib/systemd/system/sddm.service")
    before = opened()
    machine.write("etc/sddm.conf.d/autologin.conf", "[Autologin]\nUser=accueil\nSession=plasma\n")
    by_drop_in = opened()
    machine.write("etc/sddm.conf", "[Autologin]\nUser=\n")
    overridden = opened()
    machine.write(
        "etc/gdm3/daemon.conf",
        "[daemon]\nAutomaticLoginEnable=true\nAutomaticLogin=accueil\n",
    )
    of_the_other = opened()
    machine.remove(DISPLAY_MANAGER)
    machine.link(DISPLAY_MANAGER, "/usr/lib/systemd/system/gdm.service")
    chosen = opened()

    assert (before, by_drop_in, overridden) == ([], [("sddm", "accueil")], [])
    assert (of_the_other, chosen) == ([], [("gdm", "accueil")])


def test_a_console_that_logs_in_by_itself_is_told(machine: Machine) -> None:
    def opened() -> list[tuple[str, str]]:
        rows = machine.ask("automatic_login_linux_sessions")
        return [(row["method"], row["account"]) for row in rows if row["enabled"] == "1"]

    before = opened()
    machine.write(
        "etc/systemd/system/getty@tty1.service.d/override.conf",
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty -o '-p -f -- \\\\u' --noclear "
        "--autologin accueil %I $TERM\n",
    )

    assert (before, opened()) == ([], [("getty", "accueil")])


def test_a_device_is_managed_once_it_joined_and_its_agent_starts(machine: Machine) -> None:
    def managed() -> set[str]:
        rows = [
            row
            for part in ("directory", "agents")
            for row in machine.ask(f"management_linux_{part}")
        ]
        return {row["name"] for row in rows if row["managed"] == "1"}

    for unit in ("sssd.service", "puppet.service"):
        machine.write(f"usr/lib/systemd/system/{unit}", "[Service]\nExecStart=/usr/sbin/x\n")
    machine.write(
        "etc/sssd/sssd.conf",
        "[sssd]\ndomains = essms.example\n[domain/essms.example]\nid_provider = ad\n",
    )
    before = managed()
    for unit in ("sssd.service", "puppet.service"):
        machine.link(f"{WANTS}/{unit}", f"/usr/lib/systemd/system/{unit}")
    never_joined = managed()
    machine.write("etc/krb5.keytab", "x")

    assert (before, never_joined) == (set(), {"Puppet"})
    assert managed() == {"Puppet", "essms.example"}


def _digest(rows: list[Row]) -> bytes:
    columns = tuple(rows[0]) if rows else ()
    snapshot = Snapshot.of(
        topic="x",
        topic_version=1,
        status=Status.OK,
        columns=columns,
        rows=[[row[column] for column in columns] for row in rows],
    )
    return snapshot.digest
