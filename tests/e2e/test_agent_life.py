"""An agent from enrolment to its end, beside a real server, as an administrator lives it."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from programs import ANSWERS_WITHIN, AgentProgram, ProgramFailed, ServerProgram
from vigie_agent import bundled

NEVER_KEPT = {
    name
    for name, topic in bundled.read_topics(bundled.folder("topics")).items()
    if not topic.retention_days
}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's"),
    pytest.mark.timeout(240),
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server that serves, with its data in a fresh folder."""
    made = ServerProgram(tmp_path / "server")
    await made.command("init")
    await made.start()
    yield made
    await made.program.stop()


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProgram]:
    """An agent that is not enrolled yet."""
    made = AgentProgram(tmp_path / "agent", {"VIGIE_AGENT_COLLECT__PAUSE": "0s"})
    yield made
    await made.program.stop()


async def a_token(server: ServerProgram) -> str:
    return (await server.command("token", "create", "--site", "les-lilas")).strip()


async def status_of(agent: AgentProgram) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(await agent.command("status", "--json"))
    return status


def topics_held_by(server: ServerProgram) -> set[str]:
    """The topics of which the server's store holds evidence."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        return {str(topic) for (topic,) in store.execute("SELECT DISTINCT topic FROM evidence")}


async def delivered(server: ServerProgram, topics: set[str]) -> None:
    """Returns once the server's store holds evidence of all these topics."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while not topics <= topics_held_by(server):  # noqa: ASYNC110 (another process's store)
            await asyncio.sleep(0.1)


async def test_a_device_enrols_delivers_and_says_how_it_does(
    server: ServerProgram, agent: AgentProgram
) -> None:
    topics = bundled.read_topics(bundled.folder("topics"))
    here = {name for name, topic in topics.items() if topic.parts_on("linux")}
    await agent.enrol(await a_token(server))

    await agent.program.start()
    await delivered(server, here - NEVER_KEPT)
    await agent.program.event("round_ended")  # what is never kept may come last

    examined = await agent.command("doctor", "--lang", "en")
    status = await status_of(agent)
    collected = {event["topic"] for event in agent.program.events if "topic" in event}
    assert collected == here
    assert "!!" not in examined
    assert "the facility's authority" in examined
    assert (status["enrolled"], status["is_alive"]) == (True, True)
    assert status["agent"]["connected"]
    assert status["agent"]["topics"].keys() == here


async def test_a_second_agent_on_the_same_data_is_refused(
    server: ServerProgram, agent: AgentProgram
) -> None:
    await agent.enrol(await a_token(server))
    await agent.program.start()
    await agent.program.event("session_opened")

    with pytest.raises(ProgramFailed, match="an agent runs here already"):
        await agent.command("run")
    with pytest.raises(ProgramFailed, match="an agent runs here already"):
        await agent.command("unenroll", "--yes")


async def test_a_stopped_agent_ends_well_and_its_device_can_be_unenrolled(
    server: ServerProgram, agent: AgentProgram
) -> None:
    await agent.enrol(await a_token(server))
    await agent.program.start()
    await agent.program.event("session_opened")

    await agent.program.stop()
    said = await agent.command("unenroll", "--yes")

    names = [event["event"] for event in agent.program.events]
    assert names[-2:] == ["agent_stopped", "process_ended"]
    assert said == "This device is enrolled no more.\n"
    assert [path for path in agent.data.rglob("*") if path.is_file()] == []
    with pytest.raises(ProgramFailed, match="not enrolled"):
        await agent.command("run")


async def test_a_token_that_was_used_up_is_refused_with_the_servers_words(
    server: ServerProgram, agent: AgentProgram, tmp_path: Path
) -> None:
    token = await a_token(server)
    await agent.enrol(token)

    with pytest.raises(ProgramFailed, match=r"vigie-agent: .*token"):
        await AgentProgram(tmp_path / "other").enrol(token)
    with pytest.raises(ProgramFailed, match="enrolled already"):
        await agent.enrol(token)


async def test_a_token_file_is_erased_once_its_token_is_used(
    server: ServerProgram, agent: AgentProgram, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(await a_token(server))

    said = await agent.command("enroll", "--token-file", str(file))

    assert said.startswith("Enrolled as ")
    assert not file.exists()


def presence_in(server: ServerProgram) -> str:
    """Where the store says that its one device is."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        return str(store.execute("SELECT presence FROM device").fetchone()[0])


async def test_an_agent_that_visits_says_where_it_is_without_being_asked(
    tmp_path: Path, agent: AgentProgram
) -> None:
    visiting = {"VIGIE_SERVER_SESSIONS__HELD": "0", "VIGIE_SERVER_SESSIONS__VISIT": "PT1S"}
    server = ServerProgram(tmp_path / "server", visiting)
    await server.command("init")
    await server.start()
    try:
        await agent.enrol(await a_token(server))
        presences = []
        for networks in ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"), ("255.0.0.0/8",):
            told = [word for network in networks for word in ("--network", network)]
            await server.command("site", "set", "les-lilas", *told)
            await agent.program.start()  # the second time it knows what it has told before
            await agent.program.event("round_ended")
            for _ in range(2):  # the first may have begun before the round ended
                await agent.program.event("session_ended", after=len(agent.program.events))
            await agent.program.stop()
            presences.append(presence_in(server))
            assert not [e for e in agent.program.events if e["event"] == "resend_asked"]
    finally:
        await server.program.stop()

    assert presences == ["on_site", "off_site"]
