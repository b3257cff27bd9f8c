"""The built agent takes a newer one from its server, and that one shows that it works."""

import asyncio
import json
import platform
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.releases import FakeChannel
from programs import Program, ServerProgram, run
from vigie_agent.bootstrap.service import windows_service
from vigie_agent.domain.releases import platform_of
from vigie_agent.domain.updating import Standing
from vigie_agent.settings import load_settings
from vigie_agent.updates.versions import Versions
from vigie_packaging.archive import Packed, pack
from vigie_packaging.release import release

pytestmark = pytest.mark.timeout(200)

NEWER = "9.0.0"


@pytest.fixture(scope="module")
def newer(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The same agent, said to be of a later release, packed."""
    folder = tmp_path_factory.mktemp("newer")
    copy = folder / "newer"
    shutil.copytree(bundle, copy, symlinks=True)
    about = copy / "_internal" / f"vigie-{release().version}.dist-info"
    told = (about / "METADATA").read_text()
    text = told.replace(f"Version: {release().version}", f"Version: {NEWER}")
    (about / "METADATA").write_text(text)
    about.rename(about.with_name(f"vigie-{NEWER}.dist-info"))
    return pack(copy, folder / "newer.tar.xz", preset=0)


@pytest.fixture
def channel(newer: Packed, tmp_path: Path) -> FakeChannel:
    """It offers that agent."""
    made = FakeChannel(tmp_path / "publisher").begin()
    made.publisher().add(newer, platform_of("linux", platform.machine()), release().version)
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


async def enrolled(bundle: Path, server: ServerProgram, environment: dict[str, str]) -> None:
    token = (await server.command("token", "create", "--site", "les-lilas")).strip()
    await server.command("updates", "roll-out", NEWER, "--share", "100", "--site", "les-lilas")
    await run(str(bundle / "vigie-agent"), "enroll", token, environment=environment)


def settings_of(device: Path, channel: FakeChannel) -> dict[str, str]:
    return {
        "VIGIE_AGENT_DATA_DIR": str(device),
        "VIGIE_AGENT_ENGINE__KIND": "embedded",
        "VIGIE_AGENT_UPDATES__MODE": "on",
        "VIGIE_AGENT_UPDATES__EVERY": "1m",
        "VIGIE_AGENT_UPDATES__ROOT": str(channel.folder / "metadata" / "1.root.json"),
    }


async def test_a_built_agent_updates_itself_from_its_server(
    bundle: Path, channel: FakeChannel, server: ServerProgram, tmp_path: Path
) -> None:
    program, data = str(bundle / "vigie-agent"), tmp_path / "device"
    environment = settings_of(data, channel)
    await enrolled(bundle, server, environment)
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


async def test_a_service_that_windows_would_start_watches_a_built_agent_that_works(
    bundle: Path,
    channel: FakeChannel,
    server: ServerProgram,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service's life as Windows runs it, in a thread; below it the built agent, on trial."""
    program, data = str(bundle / "vigie-agent"), tmp_path / "device"
    environment = settings_of(data, channel)
    await enrolled(bundle, server, environment)
    met = json.dumps({"welcomed_at": "2026-11-26T12:00:00+00:00", "link_error": ""})
    (data / "status.json").write_text(met)
    await run(program, "update", environment=environment)
    versions = Versions(data / "updates")
    on_trial = versions.standing()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    life = windows_service(load_settings(None))

    async with asyncio.TaskGroup() as group:
        served = group.create_task(asyncio.to_thread(life))
        async with asyncio.timeout(90):
            while versions.standing().trial is not None:
                assert not served.done()
                await asyncio.sleep(0.05)
        life.stop()

    assert on_trial.trial is not None
    assert on_trial.trial.with_server
    assert served.result()
    assert versions.standing() == Standing(NEWER)
    assert version_known(server) == NEWER
    log = (data / "agent.log").read_text()
    assert "update_confirmed" in log
    assert '"told": "stopped"' in log
