"""The agent's deb, lived through in a clean Debian.

Silent installation, enrolment with a real server, an upgrade with reports waiting, removal, purge.
"""

import json
import re
from pathlib import Path

import pytest

from clean_root import CleanRoot
from components import required_program
from installed_agent import (
    DATA,
    TOKEN,
    UNIT,
    a_token,
    deliver,
    device_known,
    in_spool,
    leave,
    reached,
    start_time,
    wait_without_a_server,
)
from programs import ServerProgram
from vigie_packaging.linux import build_deb
from vigie_packaging.release import Release, release

pytestmark = pytest.mark.timeout(400)

LONGEST_START = 1.0


async def test_a_deb_installs_silently_reports_is_upgraded_and_leaves_nothing(
    deb: Path,
    older: tuple[Path, Release],
    root: CleanRoot,
    server: ServerProgram,
    tmp_path: Path,
) -> None:
    required_program("strace")
    before = root.holding()
    token = await a_token(server)
    leave(root, token)
    first = root.bring(build_deb(tmp_path, *older, compression=0))
    second = root.bring(deb)

    said = root.run("dpkg", "--install", first)

    assert "Enrolled as" in said
    assert token not in said
    assert not (root.folder / TOKEN).exists()
    assert (root.folder / DATA).stat().st_mode & 0o777 == 0o711
    assert (root.folder / "usr/lib/vigie-agent/share/package-managed").exists()

    settings = root.folder / "etc" / "vigie" / "agent.toml"
    settings.write_text(settings.read_text() + "live_questions = false\n")
    spool, waiting = await wait_without_a_server(root, server)
    assert waiting

    root.run("dpkg", "--install", second)

    assert in_spool(root) == (spool, waiting)
    assert "live_questions = false" in settings.read_text()

    await deliver(root, server, waiting[-1], tmp_path / "network")
    assert reached(tmp_path / "network") == {"127.0.0.1"}
    assert device_known(server)[:2] == (release().version, spool)
    took, worked = await start_time(root)
    print(f"installed agent: a session {took:.2f} s after its start, {worked:.2f} s of one core")
    assert (
        worked <= LONGEST_START
    )  # others use the machine that tests: the clock would tell of them

    root.run("dpkg", "--remove", "vigie-agent")
    assert json.loads((root.folder / DATA / "identity" / "identity.json").read_bytes())
    assert not (root.folder / "usr" / "lib" / "vigie-agent").exists()

    root.run("dpkg", "--purge", "vigie-agent")
    assert root.holding() ^ before == set()


async def test_a_deb_takes_its_token_from_debconf_which_forgets_it(
    deb: Path, root: CleanRoot, server: ServerProgram
) -> None:
    token = await a_token(server)
    answers = root.folder / "tmp" / "answers"
    answers.write_text(f"vigie-agent vigie-agent/token password {token}\n")
    package = root.bring(deb)
    root.run("debconf-set-selections", "/tmp/answers")  # noqa: S108 (in the root)

    said = root.run("dpkg", "--install", package)

    kept = "".join(file.read_text() for file in (root.folder / "var/cache/debconf").glob("*.dat*"))
    assert "Enrolled as" in said
    assert token not in said
    assert token not in kept
    assert not (root.folder / TOKEN).exists()


async def test_a_deb_whose_server_is_away_is_installed_and_enrols_later(
    deb: Path, root: CleanRoot, server: ServerProgram
) -> None:
    leave(root, await a_token(server))
    package = root.bring(deb)
    await server.program.stop()

    said = root.run("dpkg", "--install", package)

    assert "not enrolled yet" in said
    assert (root.folder / TOKEN).stat().st_mode & 0o777 == 0o600
    await server.start()
    (command,) = re.findall(r"^ExecStartPre=-(.+)$", (root.folder / UNIT).read_text(), re.MULTILINE)
    assert "Enrolled as" in root.run(command)
    assert not (root.folder / TOKEN).exists()
