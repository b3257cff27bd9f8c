"""Devices that report under load while something is killed, and what the store then has to hold."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import grpc
from sqlalchemy import text

from fakes.scripted_device import ScriptedIdentity, a_firewall, a_hello, a_report, session
from vigie_server.services.device_records import content_of
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database


class Reporter:
    """A device that reports a new row each time and remembers what was acknowledged."""

    def __init__(self, identity: ScriptedIdentity, number: int) -> None:
        self.identity = identity
        self.spool_id = bytes([number]) * 16
        self.acknowledged = 0
        self.made = 0
        self.enough = asyncio.Event()
        """Set at the twentieth acknowledgement since it last began; to be cleared before."""

    def name(self, seq: int) -> str:
        return f"row-{self.spool_id.hex()[:2]}-{seq}"

    async def report_until_cut(self, telemetry_port: int) -> None:
        """Reports with five in flight, and returns once it is cut off and had `enough`.

        One that is turned away before, by a store that is only just back, comes again.
        """
        self.identity = replace(self.identity, telemetry=f"localhost:{telemetry_port}")
        begun_at = self.acknowledged
        while True:
            # Something was killed, before a write or in it.
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await self._report(begun_at)
            if self.enough.is_set():
                return
            await asyncio.sleep(0.05)

    async def _report(self, begun_at: int) -> None:
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
                    self.enough.set()


async def killed_under_load(
    reporters: Sequence[Reporter], telemetry_port: int, kill: Callable[[], Awaitable[None]]
) -> None:
    """Has all of them report, kills once each has had enough, and returns once all are cut off."""
    async with asyncio.TaskGroup() as tasks:
        for reporter in reporters:
            reporter.enough.clear()
            tasks.create_task(reporter.report_until_cut(telemetry_port))
        for reporter in reporters:
            await reporter.enough.wait()
        await kill()


def require_acknowledged(database: Database, reporters: Sequence[Reporter]) -> None:
    """Everything acknowledged is there, once, and nothing that was never sent."""
    held = _rows_in(database)
    for reporter in reporters:
        names = held[reporter.spool_id]
        assert reporter.acknowledged >= 20
        assert len(names) == len(set(names))
        assert names[: reporter.acknowledged] == [
            reporter.name(seq) for seq in range(1, reporter.acknowledged + 1)
        ]
        assert set(names) <= {reporter.name(seq) for seq in range(1, reporter.made + 1)}


def _rows_in(database: Database) -> Mapping[bytes, Sequence[str]]:
    """The names that each spool's evidence holds, in order of sequence."""
    found: dict[bytes, list[str]] = {}
    with database.reading() as connection:
        rows = connection.execute(
            text("SELECT spool_id, content FROM evidence ORDER BY device_key, seq")
        )
        for spool_id, stored in rows:
            content = content_of(unpacked(stored))
            name = content.values[list(content.columns).index("name")]
            found.setdefault(bytes(spool_id), []).append(name)
    return found
