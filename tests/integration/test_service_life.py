"""The life of the Windows service, on this system and with a real server."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from programs import ServerProgram
from vigie_agent.bootstrap_service import windows_service
from vigie_agent.domain.windows_service import Told
from vigie_agent.settings import AgentSettings, CollectSettings, EngineKind, EngineSettings
from vigie_agent.windows import events


def reports_in(server: ServerProgram) -> int:
    """How far the one device's reports are in the server's store."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        found = store.execute("SELECT last_seq FROM device").fetchall()
    return int(found[0][0]) if found else 0


async def test_a_service_enrols_with_the_token_that_was_left_reports_and_stops_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Told, str]] = []
    monkeypatch.setattr(events, "tell", lambda *event: told.append(event))
    server = ServerProgram(tmp_path / "server")
    await server.command("init")
    await server.start()
    token = tmp_path / "enrolment-token"
    token.write_text((await server.command("token", "create", "--site", "les-lilas")).strip())
    settings = AgentSettings(
        data_dir=tmp_path / "agent",
        enrolment_token_file=token,
        engine=EngineSettings(kind=EngineKind.EMBEDDED),
        collect=CollectSettings(pause=timedelta(), niceness=0, idle_io=False),
    )
    life = windows_service(settings)

    async with asyncio.TaskGroup() as group:
        served = group.create_task(asyncio.to_thread(life))
        async with asyncio.timeout(50):
            while not (served.done() or reports_in(server)):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)
        life.stop()

    await server.program.stop()
    assert served.result(), told
    assert [kind for kind, _ in told] == [Told.STARTED, Told.ENROLLED, Told.STOPPED]
    assert not token.exists()
    assert reports_in(server) >= 1
