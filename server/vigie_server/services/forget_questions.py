"""Scheduled work: erases questions and answers that were kept for their time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.services.workers import Workers

log = structlog.get_logger()

FORGET_EVERY: Final = 300.0
"""Seconds between two looks for questions that are past their time."""


class _Forgetting(Protocol):
    def __call__(self, *, before: datetime, bite: int) -> int: ...


@dataclass(frozen=True, slots=True)
class ForgetQuestions:
    """`run` it where the scheduled work is done. `forget` blocks, and raises StoreBusy."""

    forget: _Forgetting
    workers: Workers
    kept: timedelta
    now: Callable[[], datetime]
    bite: int

    async def run(self, stop: asyncio.Event) -> None:
        """Erases until stopped."""
        while not stop.is_set():
            try:
                erased = await self.once()
            except StoreBusy as error:
                log.warning("questions_not_forgotten", error=str(error))
                erased = 0
            if erased < self.bite:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), FORGET_EVERY)

    async def once(self) -> int:
        """One bite; gives how many questions it erased."""
        before = self.now() - self.kept
        return await self.workers.write(partial(self.forget, before=before, bite=self.bite))
