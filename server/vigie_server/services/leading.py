"""Runs the scheduled work in one server at a time: in the one that holds the lead."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.figures import Figures
from vigie_server.ports.leading import Lease
from vigie_server.services.workers import Workers

log = structlog.get_logger()

Work = Callable[[asyncio.Event], Awaitable[None]]
"""Scheduled work: runs until the event is set."""


@dataclass(frozen=True, slots=True)
class Leading:
    """One part of the server. Without the lead it tries to get it, every `every` seconds."""

    lease: Lease
    workers: Workers
    work: Sequence[tuple[str, Work]]
    figures: Figures
    every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Leads whenever it can, until stopped."""
        while not stop.is_set():
            if await self._taken():
                await self._lead(stop)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def _taken(self) -> bool:
        try:
            return await self.workers.read(self.lease.take)
        except StoreBusy as error:
            log.warning("lead_not_asked_for", error=str(error))
            return False

    async def _lead(self, stop: asyncio.Event) -> None:
        log.info("leading_began")
        self.figures.leads(leading=True)
        ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as work:
                for name, run in self.work:
                    work.create_task(_named(name, run, ended))
                try:
                    await self._while_held(stop)
                finally:
                    ended.set()
        finally:
            self.figures.leads(leading=False)
            await self.workers.read(self.lease.give_up)
            log.info("leading_ended")

    async def _while_held(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self.workers.read(self.lease.held):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)


async def _named(name: str, run: Work, ended: asyncio.Event) -> None:
    """Runs one work; when it fails, says which one it was."""
    try:
        await run(ended)
    except Exception as error:
        log.exception("work_failed", work=name, error=type(error).__name__)
        raise
