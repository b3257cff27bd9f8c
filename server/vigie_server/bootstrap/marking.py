"""Notes beside the store how far it came, so that one that lost commits is found out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.services.workers import Workers
from vigie_server.store import epoch
from vigie_server.store.database import Database

log = structlog.get_logger()

MARK_EVERY: Final = 30.0
"""Seconds between two notes of the store's progress, see `store.epoch`."""


class StoreMark:
    """The mark of this server in its data folder. Made, it enters the store: raises StoreBusy."""

    def __init__(self, database: Database, file: Path) -> None:
        self._database = database
        self._file = file
        self._entered = epoch.enter(database, file)

    @property
    def epoch(self) -> bytes:
        """The store's epoch, when it was last looked at."""
        return bytes.fromhex(self._entered.epoch)

    def write(self) -> None:
        """Notes how far the store came. Blocking."""
        try:
            self._entered = epoch.follow(self._database, self._file, self._entered)
        except (StoreBusy, OSError) as error:  # an older mark notices a restore less far back
            log.warning("mark_postponed", error=str(error))

    async def keep(
        self, workers: Workers, enter: Callable[[bytes], None], stop: asyncio.Event
    ) -> None:
        """Notes it until stopped; tells `enter` the epoch each time, which may be another one."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), MARK_EVERY)
            await workers.write(self.write)
            enter(self.epoch)
