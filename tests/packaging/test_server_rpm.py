"""The server's rpm, lived through in a clean Debian: silent installation, upgrade, removal."""

import os
import subprocess
from pathlib import Path

import pytest

from clean_root import ran
from components import required_program
from installed_server import BACKUPS, DATA, PASSPHRASE, UNIT, Installed
from vigie_packaging.release import release
from vigie_packaging.server import build_server_rpm

pytestmark = pytest.mark.timeout(600)


async def test_a_server_installs_from_an_rpm_serves_backs_up_before_an_upgrade_and_is_erased(
    environment: Path, installed: Installed, tmp_path: Path
) -> None:
    required_program("rpmbuild")
    root = installed.root
    # Nothing is in the root's database: it cannot hold what the package requires.
    rpm = root.beside(required_program("rpm"), f"--root={root.folder}", "--nodeps")
    package = str(build_server_rpm(tmp_path, environment, release(), compression=1))
    installed.settle()

    said = ran(*rpm, "--install", package)

    assert "vigie-server setup-code" in said
    assert "/setup" not in said
    data = (root.folder / DATA).stat()
    assert (data.st_mode & 0o777, data.st_uid > 0) == (0o700, True)
    for secret in ("backup-passphrase", "server.env"):
        assert (root.folder / "etc/vigie-server" / secret).stat().st_mode & 0o777 == 0o640

    service = installed.service()
    await service.start()
    await service.event("server_started")
    root.run("vigie-server", "token", "create", "--site", "les-lilas")
    await service.stop()

    said = ran(*rpm, "--upgrade", "--replacepkgs", package)

    assert "vigie-server: backing up to" in said
    assert "The store is at schema" in said
    assert (root.folder / BACKUPS[1:] / f"before-upgrade-from-{release().version}.tar").exists()

    # Where the backup cannot be made there is no upgrade.
    (root.folder / PASSPHRASE[1:]).chmod(0o600)
    os.chown(root.folder / PASSPHRASE[1:], 0, 0)
    with pytest.raises(AssertionError, match="no backup, so no upgrade"):
        ran(*rpm, "--upgrade", "--replacepkgs", package)
    assert "les-lilas" in root.run("vigie-server", "token", "list")

    ran(*rpm, "--erase", "vigie-server")

    assert not (root.folder / "usr" / "lib" / "vigie-server").exists()
    assert not (root.folder / UNIT).exists()
    assert (root.folder / DATA / "vigie.db").exists()


def test_the_scripts_of_the_packages_are_sound() -> None:
    shellcheck = required_program("shellcheck")
    linux = Path(__file__).parents[2] / "deploy" / "server" / "linux"
    scripts = [
        linux / "prepare",
        *(path for path in (linux / "deb").iterdir() if "." not in path.name),
    ]
    scripts = [script for script in scripts if script.name != "templates"]

    told = subprocess.run(
        [shellcheck, "--shell=sh", "--exclude=SC1091", *scripts],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout
    assert len(scripts) == 5
