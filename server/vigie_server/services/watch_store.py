"""What metrics ask of the store itself, now and then: its room, and when contractors' access ends.

Time alone moves both, so that there is no change to follow; a store that does not answer is a
figure too.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.store_room import MeasuresStore, StoreRoom
from vigie_server.services.workers import Workers

log = structlog.get_logger()

Expiries = Mapping[str, Sequence[tuple[str, datetime]]]
"""Contractors' tokens in force by site: each with its end."""


class StoreFigures(Protocol):
    """Is told of the store. Called on the event loop."""

    def store_measured(self, room: StoreRoom | None) -> None:
        """None: it did not answer."""
        ...


class ContractorTokens(Protocol):
    """Tokens in the store. Blocking. Raises StoreBusy."""

    def contractor_expiries(self, *, now: datetime) -> Expiries: ...


@dataclass(frozen=True, slots=True)
class WatchStore:
    """One part of the server."""

    measure: MeasuresStore
    tokens: ContractorTokens
    workers: Workers
    figures: StoreFigures
    show: Callable[[Expiries], None]
    now: Callable[[], datetime]
    every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Looks until stopped."""
        while not stop.is_set():
            await self.once()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def once(self) -> None:
        """One look. Of a store that does not answer, tokens stay shown as they were."""
        room = None
        try:
            room = await self.workers.read(self.measure)
            look = partial(self.tokens.contractor_expiries, now=self.now())
            self.show(await self.workers.read(look))
        except StoreBusy as error:
            log.warning("store_not_measured", error=str(error))
        self.figures.store_measured(room)
