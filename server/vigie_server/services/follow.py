"""Follows what other processes commit, and tells the parts that hold something of it in memory."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.notices import Heeding, Notices
from vigie_server.services.workers import Workers

log = structlog.get_logger()

FORGET_EVERY: Final = 60.0
"""Seconds between two looks for changes that everybody has read."""


@dataclass(frozen=True, slots=True)
class Follow:
    """One part of the server: `start` it before anything is read that it is to keep up to date."""

    notices: Notices
    workers: Workers
    heeding: Sequence[Heeding]
    every: float

    async def start(self) -> None:
        """Changes from here on are told. Raises StoreBusy."""
        await self.workers.read(self.notices.start)

    async def run(self, stop: asyncio.Event) -> None:
        """Follows until stopped. What could not be read is read at a later look."""
        while not stop.is_set():
            try:
                more = await self.once()
            except StoreBusy as error:
                log.warning("changes_not_read", error=str(error))
                more = False
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.every)

    async def once(self) -> bool:
        """One look; whether there is more to read at once. Raises StoreBusy."""
        noticed = await self.workers.read(self.notices.since)
        if noticed.missed:
            log.warning("changes_missed", then="everything is read again")
        for part in self.heeding:
            part.heed(noticed)
        return noticed.more


@dataclass(frozen=True, slots=True)
class ForgetChanges:
    """Scheduled work: erases what every process has read. `forget` blocks, and raises StoreBusy."""

    forget: Callable[[], int]
    workers: Workers

    async def run(self, stop: asyncio.Event) -> None:
        """Erases until stopped."""
        while not stop.is_set():
            try:
                await self.workers.write(self.forget)
            except StoreBusy as error:
                log.warning("changes_not_forgotten", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FORGET_EVERY)
