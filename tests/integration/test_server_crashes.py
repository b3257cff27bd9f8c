"""kill -9 of the server under load: what was acknowledged is there, once, row for row."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from sqlalchemy import text

from fakes.running_server import settings_in
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    enrolled,
    session,
)
from fakes.server_process import ServerProcess, server_process
from vigie_server.bootstrap_store import open_store
from vigie_server.services.device_records import content_of
from vigie_server.store.content import unpacked


class Reporter:
    """A device that reports a new row each time and remembers what was acknowledged."""

    def __init__(self, identity: ScriptedIdentity, number: int) -> None:
        self.identity = identity
        self.spool_id = bytes([number]) * 16
        self.acknowledged = 0
        self.made = 0

    def name(self, seq: int) -> str:
        return f"row-{self.spool_id.hex()[:2]}-{seq}"

    async def report_until_cut(self, telemetry_port: int, enough: asyncio.Event) -> None:
        """Reports with five in flight; sets `enough` at its twentieth acknowledgement here."""
        self.identity = replace(self.identity, telemetry=f"localhost:{telemetry_port}")
        begun_at = self.acknowledged
        try:
            async with session(self.identity) as device:
                welcome = await device.greet(a_hello(spool_id=self.spool_id))
                assert welcome.resume_after >= self.acknowledged
                sent = self.acknowledged = welcome.resume_after
                while True:
                    while sent < self.acknowledged + 5:
                        sent += 1
                        self.made = max(self.made, sent)
                        await device.send(a_report(sent, a_firewall("1", name=self.name(sent))))
                    answer = await device.received()
                    if answer is None:
                        return
                    self.acknowledged = max(self.acknowledged, answer.ack.seq)
                    if self.acknowledged - begun_at >= 20:
                        enough.set()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the server was killed, before a write or in it


async def killed_under_load(server: ServerProcess, reporters: list[Reporter]) -> None:
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for reporter in reporters:
            tasks.create_task(reporter.report_until_cut(server.telemetry, enough))
        await enough.wait()
        await server.kill()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("each_store")
async def test_nothing_acknowledged_is_lost_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    async with server_process(tmp_path) as server:
        reporters = [
            Reporter(await enrolled(server.token, server.authority_pem), number)
            for number in range(1, 5)
        ]
        await killed_under_load(server, reporters)
    for _ in range(4):
        async with server_process(tmp_path) as server:
            random.shuffle(reporters)
            await killed_under_load(server, reporters)

    held = rows_in(tmp_path)
    for reporter in reporters:
        names = held[reporter.spool_id]
        assert reporter.acknowledged >= 20
        assert len(names) == len(set(names))
        assert names[: reporter.acknowledged] == [
            reporter.name(seq) for seq in range(1, reporter.acknowledged + 1)
        ]
        assert set(names) <= {reporter.name(seq) for seq in range(1, reporter.made + 1)}


def rows_in(folder: Path) -> dict[bytes, list[str]]:
    """The names that each spool's evidence holds, in order of sequence."""
    database = open_store(settings_in(folder))
    found: dict[bytes, list[str]] = {}
    with database.reading() as connection:
        rows = connection.execute(
            text("SELECT spool_id, content FROM evidence ORDER BY device_key, seq")
        )
        for spool_id, stored in rows:
            content = content_of(unpacked(stored))
            name = content.values[list(content.columns).index("name")]
            found.setdefault(bytes(spool_id), []).append(name)
    database.close()
    return found
