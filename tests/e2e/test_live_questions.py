"""A person asks a device from the command line; its own agent answers, and tells its user."""

import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from programs import AgentProgram, ServerProgram

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's"),
    pytest.mark.timeout(240),
]
SITE = "les-lilas"


@pytest.fixture(params=["held", "visiting"])
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[ServerProgram]:
    """A server whose devices stay connected, or come back every second."""
    made = ServerProgram(tmp_path / "server")
    if request.param == "visiting":
        made.environment |= {
            "VIGIE_SERVER_SESSIONS__HELD": "0",
            "VIGIE_SERVER_SESSIONS__VISIT": "1",
        }
    await made.command("init")
    await made.start()
    yield made
    await made.program.stop()


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProgram]:
    made = AgentProgram(tmp_path / "agent", {"VIGIE_AGENT_COLLECT__PAUSE": "0s"})
    yield made
    await made.program.stop()


async def test_a_question_goes_from_a_command_to_an_agent_and_back(
    server: ServerProgram, agent: AgentProgram
) -> None:
    await agent.enrol((await server.command("token", "create", "--site", SITE)).strip())
    await agent.program.start()
    await agent.program.event("session_opened")

    answered = await server.command("ask", "uptime", "--site", SITE, "--reason", "panne lundi")
    await server.command("question", "allow", SITE)
    refused = await server.command(
        "ask", "--sql", "SELECT * FROM shell_history", "--site", SITE, "--reason", "trop curieux"
    )
    told = await agent.command("explain", "--lang", "fr")

    assert "DAYS" in answered
    assert "(refused)" in refused
    assert "un opérateur de Vigie" not in told
    assert "par un administrateur de Vigie" in told
    assert "panne lundi" in told
    assert "SELECT days, total_seconds AS seconds FROM uptime" in told
    assert "Lignes envoyées en réponse : 1." in told
    assert "SELECT * FROM shell_history" in told
    assert "Pas de réponse (refused)." in told
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        acts = [str(act) for (act,) in store.execute("SELECT action FROM audit ORDER BY key")]
    assert [act for act in acts if act.startswith("asked")] == [
        f"asked site {SITE} (1 device) uptime (panne lundi)",
        f"asked site {SITE} (1 device) a SELECT: SELECT * FROM shell_history (trop curieux)",  # noqa: S608 (an act)
    ]


@pytest.mark.parametrize("server", ["held"], indirect=True)
async def test_a_device_whose_settings_refuse_questions_says_so(
    server: ServerProgram, tmp_path: Path
) -> None:
    agent = AgentProgram(tmp_path / "silent", {"VIGIE_AGENT_LIVE_QUESTIONS": "false"})
    await agent.enrol((await server.command("token", "create", "--site", SITE)).strip())
    await agent.program.start()
    try:
        await agent.program.event("session_opened")
        said = await server.command("ask", "uptime", "--every", "--reason", "panne")
        told = await agent.command("explain", "--lang", "en")
    finally:
        await agent.program.stop()

    assert "this device refuses live questions (setting live_questions)" in said
    assert "This computer refuses every direct question" in told
    assert "Not answered (refused)." in told
