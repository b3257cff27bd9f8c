"""The life of a service, on this system: with a real server, and without a token."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from programs import ANSWERS_WITHIN, BIN, Program, ServerProgram
from vigie_agent.bootstrap.service import windows_service
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
        async with asyncio.timeout(ANSWERS_WITHIN):
            while not (served.done() or reports_in(server)):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)
        life.stop()

    await server.program.stop()
    assert served.result(), told
    assert [kind for kind, _ in told] == [Told.STARTED, Told.ENROLLED, Told.STOPPED]
    assert not token.exists()
    assert reports_in(server) >= 1


async def test_a_service_without_a_token_says_so_waits_and_ends_well_when_stopped(
    tmp_path: Path,
) -> None:
    log = tmp_path / "logs" / "agent.log"
    settings = {
        "VIGIE_AGENT_DATA_DIR": str(tmp_path / "agent"),
        "VIGIE_AGENT_ENROLMENT_TOKEN_FILE": str(tmp_path / "none"),
    }
    run = (str(BIN / "vigie-agent"), "run", "--wait-for-token")
    agent = Program(run, settings)
    logging = Program((*run, "--log-file", str(log)), settings)

    await agent.start()
    waits = 0
    while (await agent.event("service_told", after=waits))["told"] != "waits":
        waits += 1
    os.kill(agent.pid, signal.SIGTERM)
    await agent.ended()

    told = [event["told"] for event in agent.events if "told" in event]
    assert told == ["started", "waits", "stopped"]
    assert not agent.failed
    await logging.start()
    async with asyncio.timeout(ANSWERS_WITHIN):
        while not (log.exists() and "waits" in log.read_text()):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    os.kill(logging.pid, signal.SIGTERM)
    await logging.ended()
    assert not logging.failed
    assert [event["event"] for event in logging.events] == ["process_ended"]
