"""A server that may open few files keeps the last of them for itself, and says what to do."""

import asyncio
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from fakes.running_server import settings_in
from fakes.stored import migrated_store
from programs import BIN, Program, ServerProgram
from vigie_server import clock
from vigie_server.bootstrap.marking import StoreMark
from vigie_server.bootstrap.store import initialise
from vigie_server.store import epoch, migrating
from vigie_server.store.database import Database, sqlite_url

CROWD = 200
"""At each of two doors: more than the server may open files."""
FEW = f"ulimit -n 300 && exec {BIN / 'vigie-server'} serve"
ASKS = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


async def test_a_crowd_at_both_doors_leaves_files_for_readers(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    migrated_store(settings.data)
    initialise(settings, now=clock.utc_now())
    server = ServerProgram(settings.data, {"VIGIE_SERVER_HTTP__PLAIN": "true"})
    server.program = Program(("sh", "-c", FEW), server.environment)
    await server.start()

    with ExitStack() as crowd:
        for port in (server.telemetry, server.enrolment):
            for _ in range(CROWD):
                one = crowd.enter_context(socket.socket())
                with suppress(ConnectionError):
                    one.connect(("127.0.0.1", port))
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.http)
            writer.write(ASKS)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 200")
    said = await server.program.event("open_files_are_few")
    assert (said["open_files"], said["held"], said["visitors"]) == (300, 22, 11)
    await server.program.kill()


async def test_a_mark_that_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "vigie.db"))
    migrating.migrate(database)
    epoch.prepare(database)
    mark = StoreMark(database, tmp_path / "store.mark")
    in_the_way = tmp_path / "store.mark.part"
    in_the_way.mkdir()

    mark.write()

    in_the_way.rmdir()
    mark.write()
    assert not in_the_way.exists()
    database.close()
