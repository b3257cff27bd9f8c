"""Two hundred times kill -9, of agents and of their server, under load.

Afterwards everything that an agent made durable is in the server's store, once, row for row, and
nothing else is.
"""

import asyncio
import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.held import held_by
from forked import ForkedProgram
from ledger import differences, read_ledger
from programs import AgentProgram, Program, ServerProgram
from vigie_server.store.database import Database, sqlite_url

KILLS = 200
AGENTS = 4
SERVER_KILLS = 40


@dataclass
class Hammer:
    """One agent under fire, and the ledger of what it collected."""

    agent: AgentProgram
    ledger: Path

    def program(self, *, drain: bool) -> Program:
        arguments = ["fakes.hammering_agent:run", str(self.ledger)]
        return ForkedProgram(
            [*arguments, "--drain"] if drain else arguments, self.agent.environment
        )

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


async def enrolled(server: ServerProgram, folder: Path, number: int) -> Hammer:
    hammer = Hammer(AgentProgram(folder / f"agent-{number}"), folder / f"ledger-{number}")
    token = await server.command("token", "create", "--site", "les-lilas")
    await hammer.agent.enrol(token.strip())
    return hammer


async def kill_again_and_again(
    program: Program, *, times: int, started: str, chance: random.Random
) -> None:
    """Kills it at random moments after its first sign of life; it ends up running."""
    for _ in range(times):
        await program.start()
        await program.event(started)
        # The fault itself: a moment nobody chose.
        await asyncio.sleep(chance.uniform(0, 0.6))
        await program.kill()
    await program.start()
    await program.event(started)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nothing_kept_is_lost_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    server = ServerProgram(tmp_path / "server")
    await server.command("init")
    await server.start()
    hammers = [await enrolled(server, tmp_path, number) for number in range(AGENTS)]
    await server.program.stop()
    serving = ForkedProgram(("vigie_server.cli.main:main", "serve"), server.environment)
    programs = [hammer.program(drain=False) for hammer in hammers]

    async with asyncio.TaskGroup() as fire:
        fire.create_task(
            kill_again_and_again(
                serving, times=SERVER_KILLS, started="server_started", chance=chance
            )
        )
        for program in programs:
            fire.create_task(
                kill_again_and_again(
                    program,
                    times=(KILLS - SERVER_KILLS) // AGENTS,
                    started="hammering",
                    chance=chance,
                )
            )
    for program in programs:
        await program.kill()
    for hammer in hammers:
        drain = hammer.program(drain=True)
        await drain.start()
        await drain.event("process_ended")
        assert not drain.failed, drain.last_words()
    await serving.stop()

    database = Database(sqlite_url(server.data / "vigie.db"))
    held = held_by(database)
    database.close()
    ledger = read_ledger(line for hammer in hammers for line in hammer.lines())
    found = differences(ledger, held)
    assert not found, "\n".join([f"{len(found)} of {len(held)} reports:", *found[:20]])
    assert len(ledger.kept) > KILLS
    assert len({report.spool for report in held}) == AGENTS
