"""A server is lost under load, and its backup of a while ago is served elsewhere.

Agents keep nothing that was acknowledged: what they reported between the backup and the loss is
gone as history. They go on by themselves, how things are now is there, and nothing is there twice.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fakes.held import broken_histories, held_by
from ledger import read_ledger
from programs import ANSWERS_WITHIN, AgentProgram, Program, ServerProgram
from vigie_server.store.database import Database, sqlite_url

TESTS = Path(__file__).parents[1]
AGENTS = 2


def lines(ledger: Path) -> int:
    return len(ledger.read_bytes().splitlines()) if ledger.exists() else 0


async def collected(program: Program, ledger: Path, more: int) -> None:
    """Returns once the agent has written down so many more lines."""
    wanted = lines(ledger) + more
    async with asyncio.timeout(ANSWERS_WITHIN):
        while lines(ledger) < wanted:
            assert program.running, program.last_words()
            await asyncio.sleep(0.02)


def stored(server: ServerProgram) -> int:
    """How many reports the server's store holds."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM evidence").fetchone()[0])


async def delivered(server: ServerProgram, more: int) -> None:
    """Returns once the server's store holds so many more: what is collected may still wait."""
    wanted = stored(server) + more
    async with asyncio.timeout(ANSWERS_WITHIN):
        while stored(server) < wanted:  # noqa: ASYNC110 (another process's store)
            await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_agents_go_on_where_the_backup_was_restored(tmp_path: Path) -> None:
    lost = ServerProgram(tmp_path / "lost")
    await lost.command("init")
    await lost.start()
    ledgers = [tmp_path / f"ledger-{number}" for number in range(AGENTS)]
    programs = []
    for number, ledger in enumerate(ledgers):
        agent = AgentProgram(tmp_path / f"agent-{number}")
        await agent.enrol((await lost.command("token", "create", "--site", "lilas")).strip())
        hammering = ["-m", "fakes.begun", "fakes.hammering_agent", str(ledger)]
        arguments = [sys.executable, *hammering]
        environment = agent.environment | {"PYTHONPATH": str(TESTS)}
        programs.append(Program(arguments, environment))
    recipient = (await lost.command("backup", "key", str(tmp_path / "key"), "--plain")).strip()
    for program, ledger in zip(programs, ledgers, strict=True):
        await program.start()
        await collected(program, ledger, 100)
        await delivered(lost, 1)

    file = tmp_path / "backup.tar"
    await lost.command("backup", str(file), "--recipient", recipient)
    for program, ledger in zip(programs, ledgers, strict=True):
        await collected(program, ledger, 100)
    await delivered(lost, 1)
    await lost.program.kill()
    before = held_by(database := Database(sqlite_url(lost.data / "vigie.db")))
    database.close()

    found = ServerProgram(tmp_path / "elsewhere")
    found.environment.update(
        {name: value for name, value in lost.environment.items() if "__" in name}
    )
    await found.command("restore", str(file), "--identity", str(tmp_path / "key"))
    await found.start()
    for program, ledger in zip(programs, ledgers, strict=True):
        await collected(program, ledger, 100)
        await program.kill()
        drain = Program([*program.arguments, "--drain"], program.environment)
        await drain.start()
        await drain.event("process_ended")
        assert not drain.failed, drain.last_words()
    await found.program.stop()

    database = Database(sqlite_url(found.data / "vigie.db"))
    after, broken = held_by(database), broken_histories(database)
    database.close()
    written = read_ledger(
        json.loads(line) for one in ledgers for line in one.read_text().splitlines()
    )
    places = {(one.device, one.seq, one.topic) for one in after}
    digests = [(one.device, one.topic, one.digest) for one in after]
    at_backup = [one for one in after if one in before]
    assert len(places) == len(set(digests)) == len(after)
    assert broken == []
    assert all(written.meant[one.digest].rows == one.rows for one in after)
    assert len({one.device for one in after}) == AGENTS
    assert 0 < len(at_backup) < len(before)
    newest = {
        (spool, written.meant[digest].topic): digest for digest, spool in written.kept.items()
    }
    assert set(newest.values()) <= {one.digest for one in after}
    spools = {written.kept[one.digest] for one in after if one.digest in written.kept}
    assert len(spools) == AGENTS
