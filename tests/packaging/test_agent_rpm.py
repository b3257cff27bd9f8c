"""The agent's rpm, lived through in a clean Debian: silent installation, upgrade, removal."""

from pathlib import Path

import pytest

from clean_root import CleanRoot, ran
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
    wait_without_a_server,
)
from programs import ServerProgram
from vigie_packaging.linux import build_rpm
from vigie_packaging.release import Release, release

pytestmark = pytest.mark.timeout(400)


async def test_an_rpm_installs_silently_reports_is_upgraded_and_is_erased(
    bundle: Path,
    older: tuple[Path, Release],
    root: CleanRoot,
    server: ServerProgram,
    tmp_path: Path,
) -> None:
    # Nothing is in the root's database: it cannot hold what the package requires.
    rpm = root.beside(required_program("rpm"), f"--root={root.folder}", "--nodeps")
    required_program("rpmbuild")
    token = await a_token(server)
    leave(root, token)
    first = build_rpm(tmp_path, *older)
    second = build_rpm(tmp_path, bundle, release())

    said = ran(*rpm, "--install", str(first))

    assert "Enrolled as" in said
    assert token not in said
    assert not (root.folder / TOKEN).exists()
    settings = root.folder / "etc" / "vigie" / "agent.toml"
    settings.write_text(settings.read_text() + "live_questions = false\n")
    spool, waiting = await wait_without_a_server(root, server)

    ran(*rpm, "--upgrade", str(second))

    assert in_spool(root) == (spool, waiting)
    assert "live_questions = false" in settings.read_text()
    await deliver(root, server, waiting[-1], tmp_path / "network")
    assert device_known(server)[:2] == (release().version, spool)

    ran(*rpm, "--erase", "vigie-agent")

    assert not (root.folder / "usr" / "lib" / "vigie-agent").exists()
    assert not (root.folder / UNIT).exists()
    assert (root.folder / DATA / "identity" / "identity.json").exists()
