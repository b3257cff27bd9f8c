"""`rpm_packages` on a database that rpm itself wrote, of packages that this test builds.

rpm is told where the database of the device lies: a folder is no device with settings of its own.
"""

import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from components import required_program
from fake_host import rows_of
from vigie_agent.domain.table import TableError
from vigie_agent.tables import packages
from vigie_agent.tables.host import CommandResult, Host, run_command

SPEC = """\
Name: {name}
Version: 2.4
Release: 7
Summary: Made by a test
License: Apache-2.0
BuildArch: noarch
{more}
%description
Made by a test.
%install
mkdir -p %{{buildroot}}/opt/{name}
printf '%%1000d' 7 > %{{buildroot}}/opt/{name}/figures
%files
/opt/{name}/figures
"""


@dataclass(frozen=True)
class RpmDevice:
    """A folder with an rpm database, and the rpm that works on it."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "root/var/lib/rpm/rpmdb.sqlite"

    @property
    def host(self) -> Host:
        return Host(root=self.folder / "root", run=self._run)

    def rpm(self, *arguments: str) -> None:
        subprocess.run(
            ["rpm", "--dbpath", str(self.database.parent), *arguments],
            check=True,
            capture_output=True,
        )

    def install(self, name: str, more: str = "") -> None:
        spec = self.folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, more=more), encoding="utf-8")
        built = self.folder / "built"
        subprocess.run(
            ["rpmbuild", "--quiet", "-bb", "--define", f"_topdir {built}", str(spec)],
            check=True,
            capture_output=True,
        )
        self.rpm("-i", "--justdb", "--nodeps", str(built / f"RPMS/noarch/{name}-2.4-7.noarch.rpm"))

    def _run(self, argv: Sequence[str], *, timeout: timedelta, max_output: int) -> CommandResult:
        program, *arguments = argv
        told = [program, "--dbpath", str(self.database.parent), *arguments]
        return run_command(told, timeout=timeout, max_output=max_output)


@pytest.fixture
def device(tmp_path: Path) -> RpmDevice:
    required_program("rpm")
    required_program("rpmbuild")
    device = RpmDevice(tmp_path)
    device.database.parent.mkdir(parents=True)
    return device


def names(device: RpmDevice) -> list[str]:
    return sorted(str(row["name"]) for row in rows_of(packages.tables(device.host), "rpm_packages"))


def test_installed_packages_are_told_with_all_that_rpm_knows(device: RpmDevice) -> None:
    device.install("suivi", "Epoch: 3\nVendor: Résidence les Lilas\nGroup: Applications/Soins")

    row = dict(rows_of(packages.tables(device.host), "rpm_packages")[0])

    assert len(str(row.pop("sha1"))) == 40
    installed_at = row.pop("install_time")
    assert isinstance(installed_at, int)
    assert installed_at >= 1_700_000_000
    assert row == {
        "name": "suivi",
        "version": "2.4",
        "release": "7",
        "source": "suivi-2.4-7.src.rpm",
        "size": 1000,
        "arch": "noarch",
        "epoch": 3,
        "vendor": "Résidence les Lilas",
        "package_group": "Applications/Soins",
        "pid_with_namespace": 0,
    }


def test_what_a_package_does_not_say_is_empty(device: RpmDevice) -> None:
    device.install("plain")

    (row,) = rows_of(packages.tables(device.host), "rpm_packages")

    assert (row["epoch"], row["vendor"], row["package_group"]) == (None, "", "Unspecified")


def test_a_package_is_gone_once_it_is_removed(device: RpmDevice) -> None:
    device.install("suivi")
    device.install("plain")
    assert names(device) == ["plain", "suivi"]

    device.rpm("-e", "--justdb", "--nodeps", "suivi")

    assert names(device) == ["plain"]


def _overwrite(database: Path) -> None:
    database.write_bytes(b"not a database" * 500)


def _cut_short(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:9000])


def _tear_a_package(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE Packages SET blob = substr(blob, 1, 200) WHERE hnum = 1")
    connection.close()


@pytest.mark.parametrize("damage", [_overwrite, _cut_short, _tear_a_package])
def test_a_damaged_database_is_an_error_and_not_a_device_with_fewer_packages(
    device: RpmDevice, damage: Callable[[Path], None]
) -> None:
    device.install("suivi")
    device.install("plain")
    with sqlite3.connect(device.database) as connection:  # what rpm left beside it goes in
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

    damage(device.database)

    with pytest.raises(TableError, match="rpm -qa"):
        rows_of(packages.tables(device.host), "rpm_packages")
