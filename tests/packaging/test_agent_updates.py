"""The built agent takes a newer one from its server, and that one shows that it works."""

import platform
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.releases import FakeChannel
from programs import Program, ServerProgram, run
from vigie_agent.domain.releases import platform_of
from vigie_agent.domain.updating import Standing
from vigie_agent.updates.versions import Versions
from vigie_packaging.archive import pack
from vigie_packaging.release import release

pytestmark = pytest.mark.timeout(200)

NEWER = "9.0.0"


@pytest.fixture
def channel(bundle: Path, tmp_path: Path) -> FakeChannel:
    """It offers the same agent, said to be of a later release."""
    made = FakeChannel(tmp_path / "publisher").begin()
    copy = tmp_path / "newer"
    shutil.copytree(bundle, copy, symlinks=True)
    about = copy / "_internal" / f"vigie-{release().version}.dist-info"
    told = (about / "METADATA").read_text()
    text = told.replace(f"Version: {release().version}", f"Version: {NEWER}")
    (about / "METADATA").write_text(text)
    about.rename(about.with_name(f"vigie-{NEWER}.dist-info"))
    packed = pack(copy, tmp_path / "newer.tar.xz", preset=0)
    made.publisher().add(packed, platform_of("linux", platform.machine()), release().version)
    shutil.rmtree(copy)
    return made


@pytest.fixture
async def server(channel: FakeChannel, tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server that mirrors the channel."""
    extra = {
        "VIGIE_SERVER_UPDATES__FOLDER": str(channel.folder),
        "VIGIE_SERVER_UPDATES__BYTES_PER_SECOND": "500MB",
    }
    made = ServerProgram(tmp_path / "server", extra)
    await made.command("init")
    await made.start()
    yield made
    await made.program.stop()


def version_known(server: ServerProgram) -> str:
    """The version that the device said when it last opened a session."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        return str(store.execute("SELECT agent_version FROM device").fetchone()[0])


async def test_a_built_agent_updates_itself_from_its_server(
    bundle: Path, channel: FakeChannel, server: ServerProgram, tmp_path: Path
) -> None:
    program, data = str(bundle / "vigie-agent"), tmp_path / "device"
    token = (await server.command("token", "create", "--site", "les-lilas")).strip()
    await server.command("updates", "roll-out", NEWER, "--share", "100", "--site", "les-lilas")
    environment = {
        "VIGIE_AGENT_DATA_DIR": str(data),
        "VIGIE_AGENT_ENGINE__KIND": "embedded",
        "VIGIE_AGENT_UPDATES__MODE": "on",
        "VIGIE_AGENT_UPDATES__EVERY": "1m",
        "VIGIE_AGENT_UPDATES__ROOT": str(channel.folder / "metadata" / "1.root.json"),
    }
    await run(program, "enroll", token, environment=environment)
    agent = Program((program, "run"), environment)

    await agent.start()
    await agent.event("update_confirmed")
    said = await run(program, "version", environment=environment)
    shown = await server.command("updates", "devices")
    await agent.stop()

    assert Versions(data / "updates").standing() == Standing(NEWER)
    assert said.startswith(f"vigie-agent {NEWER} ")
    assert version_known(server) == NEWER
    # `current` where the agent greeted once more since it confirmed.
    assert f"{NEWER}  on_trial " in shown or f"{NEWER}  current " in shown
