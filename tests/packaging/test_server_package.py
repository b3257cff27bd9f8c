"""The server's wheel and its deb, lived through in a clean Debian.

Silent installation, an agent that enrols and reports, an upgrade that brings the store to a newer
schema, the way back from its backup, removal, purge. No systemd runs there: the service's own
command is run as its unit names it, as its account.
"""

import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from clean_root import CleanRoot
from components import required_program
from installed_server import ACCOUNT, BACKUPS, DATA, PASSPHRASE, Installed, a_round, reports
from programs import AgentProgram
from vigie_packaging.components import pinned
from vigie_packaging.release import ROOT, Release, release
from vigie_packaging.server import PACKAGES, bill_beside, build_server_deb

pytestmark = pytest.mark.timeout(600)

LATER = "0.99.0"
MIGRATION = """
from alembic import op

revision = "9999"
down_revision = "{last}"


def upgrade() -> None:
    op.execute("CREATE TABLE of_later (name TEXT)")
"""
OF_ACCOUNTS = {f"etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow")}
"""What useradd keeps of the former contents of its files."""


def of_later(environment: Path, folder: Path) -> tuple[Path, Release]:
    """The same server, said to be of a later release whose store has one more table."""
    this = release()
    copy = folder / ACCOUNT
    folder.mkdir()
    subprocess.run(["cp", "--archive", environment, copy], check=True)
    packages = copy / PACKAGES
    about = packages / f"vigie-{this.version}.dist-info"
    text = (about / "METADATA").read_text().replace(f"Version: {this.version}", f"Version: {LATER}")
    (about / "METADATA").write_text(text)
    about.rename(packages / f"vigie-{LATER}.dist-info")
    versions = packages / "vigie_server" / "store" / "migrations" / "versions"
    last = max(file.name for file in versions.glob("r*.py"))[1:5]
    (versions / "r9999_later.py").write_text(MIGRATION.format(last=last))
    return copy, replace(this, version=LATER)


def remove_and_keep_data(root: CleanRoot) -> None:
    """Removes; then the script of the purge, with the answer that keeps store and backups."""
    root.run("dpkg", "--remove", ACCOUNT)
    answers = root.folder / "tmp" / "answers"
    answers.write_text("vigie-server vigie-server/purge-data boolean false\n")
    root.run("debconf-set-selections", "/tmp/answers")  # noqa: S108 (in the root)
    root.run(f"/var/lib/dpkg/info/{ACCOUNT}.postrm", "purge")
    assert (root.folder / DATA / "vigie.db").exists()
    assert (root.folder / PASSPHRASE[1:]).exists()


def test_the_wheel_holds_all_that_the_source_has(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())

    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "server/vigie_server", "queries/guide"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = {
        name.removeprefix("server/").replace("queries/guide", "vigie_server/guide")
        for name in tracked
    }
    assert len(wanted) > 400
    assert wanted - inside == set()
    assert {"vigie_agent/topics/firewall.yaml", "vigie_agent/whys.yaml"} <= inside


def test_a_server_says_what_it_is_made_of(environment: Path, wheel: Path, tmp_path: Path) -> None:
    share = environment / "share"
    bill = json.loads((share / "sbom.cdx.json").read_text(encoding="utf-8"))
    bill_of_wheel = bill_beside(tmp_path / wheel.name, release())
    beside = json.loads(bill_of_wheel.read_text(encoding="utf-8"))

    names = {part["name"] for part in bill["components"]}
    makers = {
        link["url"] for part in bill["components"] for link in part.get("externalReferences", ())
    }
    assert names == dict(pinned("server.txt")).keys()
    assert {part["name"] for part in beside["components"]} == names
    assert bill["metadata"]["component"]["name"] == "vigie-server"
    assert {part["name"] for part in bill["components"] if "licenses" not in part} <= {"pyrage"}
    assert {folder.name for folder in (share / "licences").iterdir()} == names
    assert all(list(folder.iterdir()) for folder in (share / "licences").iterdir())
    assert len(makers) > 3
    assert all((share / name).resolve().is_file() for name in makers)


async def test_a_server_installs_silently_serves_is_upgraded_goes_back_and_leaves_nothing(
    environment: Path, installed: Installed, tmp_path: Path
) -> None:
    required_program("dpkg-deb")
    root = installed.root
    before, accounts = root.holding(), (root.folder / "etc" / "passwd").read_text()
    (tmp_path / "this").mkdir()
    this = root.bring(build_server_deb(tmp_path / "this", environment, release(), compression=1))
    later, its = of_later(environment, tmp_path / "later")
    newer = root.bring(build_server_deb(tmp_path / "later", later, its, compression=0))
    shutil.rmtree(later)
    installed.settle()

    said = root.run("dpkg", "--install", this)

    assert "vigie-server setup-code" in said
    assert "/setup" not in said
    data = (root.folder / DATA).stat()
    assert (data.st_mode & 0o777, data.st_uid > 0) == (0o700, True)
    for secret in ("backup-passphrase", "server.env"):
        assert (root.folder / "etc/vigie-server" / secret).stat().st_mode & 0o777 == 0o640

    agent = AgentProgram(tmp_path / "agent")
    service = installed.service()
    await service.start()
    await service.event("server_started")
    token = root.run("vigie-server", "token", "create", "--site", "les-lilas").split()[-1]
    await agent.enrol(token)
    reported = await reports(installed, agent, 0)
    assert "/setup" in root.run("vigie-server", "setup-code")
    await service.stop()
    owners = {path.stat().st_uid for path in (root.folder / DATA).rglob("*")}
    assert owners == {data.st_uid}

    said = root.run("dpkg", "--install", newer)

    first_backup = f"{BACKUPS}/before-upgrade-from-{release().version}.tar"
    assert "The store is at schema 9999" in said
    told = root.run(
        "vigie-server", "backup", "verify", "--passphrase-file", PASSPHRASE, first_backup
    )
    assert f"{release().version}, schema 00" in told
    assert "It is whole" in told
    assert "les-lilas" in installed.devices()
    reported = await a_round(installed, agent, reported)

    # The way back, as docs/upgrade.md has it.
    said = root.run("dpkg", "--install", this)
    assert "is newer. Restore the backup" in said
    root.run(
        *("vigie-server", "restore", "--replace", "--passphrase-file", PASSPHRASE, first_backup)
    )
    # Another name, as docs/install-server.md has it.
    root.run("vigie-server", "init", "--new-https")
    await a_round(installed, agent, reported)

    remove_and_keep_data(root)
    root.run("dpkg", "--purge", ACCOUNT)
    assert (root.holding() - OF_ACCOUNTS) ^ (before - OF_ACCOUNTS) == set()
    assert (root.folder / "etc" / "passwd").read_text() == accounts
