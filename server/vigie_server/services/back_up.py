"""Backs the server up by the clock, keeps the newest ones, and shows when it last succeeded.

What is there already is known by the folder: a server that takes the lead over goes on where the
former one was. Nothing is taken away before a newer one is whole.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from vigie_server.domain.backups import is_due, past_keeping
from vigie_server.domain.errors import StoreBusy, VigieError
from vigie_server.ports.backing_up import Vault
from vigie_server.ports.figures import Figures

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BackUp:
    """Scheduled work of the server that leads. Looks every `look_every` seconds."""

    vault: Vault
    figures: Figures
    now: Callable[[], datetime]
    every: timedelta
    keep: int
    look_every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Backs up when it is due, until stopped. What fails is tried again at the next look."""
        while not stop.is_set():
            await asyncio.to_thread(self.once, lambda: not stop.is_set())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.look_every)

    def once(self, going_on: Callable[[], bool] = lambda: True) -> bool:
        """Makes a backup if one is due; whether it did. Blocking."""
        try:
            if not is_due(self.vault.made(), now=self.now(), every=self.every):
                return False
            self.vault.make(self.now(), going_on)
            made = self.vault.made()
            for at in past_keeping(made, keep=self.keep):
                self.vault.remove(at)
        except (VigieError, OSError) as error:
            if going_on():
                self.figures.backup_failed()
                log.error("backup_failed", error=str(error))
            return False
        log.info("backup_made", kept=min(len(made), self.keep))
        return True


@dataclass(frozen=True, slots=True)
class ShowBackups:
    """One part of every server: shows when the store was last backed up, by whichever of them."""

    last: Callable[[], datetime | None]
    figures: Figures
    every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Looks at the store every `every` seconds, until stopped."""
        while not stop.is_set():
            with suppress(StoreBusy):  # the next look is soon
                self.figures.backed_up(await asyncio.to_thread(self.last))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)
