"""Hands the update channel on to devices: what was decided for each, at a bounded pace."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from vigie_server.domain.errors import NotFound, RateLimited, StoreBusy
from vigie_server.domain.rolling_out import Told, UpdateState, in_force, is_news, offered
from vigie_server.ports.figures import Figures
from vigie_server.ports.sessions import Peer
from vigie_server.ports.updating import Mirrored, UpdateStore
from vigie_server.services.workers import Workers

log = structlog.get_logger()

PIECE: Final = 64 * 1024
_RELEASES: Final = "targets/"
_SAD: Final = {UpdateState.REFUSED, UpdateState.ROLLED_BACK}


@dataclass(slots=True)
class OfferUpdates:
    """The `UpdateDesk`."""

    store: UpdateStore
    channel: Mirrored
    workers: Workers
    figures: Figures
    now: Callable[[], datetime]
    at_once: int
    wait_within: float
    pace: Callable[[int], Awaitable[None]]
    """Returns when so many bytes may go."""
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.at_once)

    async def check(self, peer: Peer, told: Told) -> str:
        asked = await self.workers.read(partial(self.store.asked, peer))
        if is_news(asked.before, told):
            await self.workers.write(partial(self.store.keep, peer, told, self.now()))
            say = log.warning if told.state in _SAD else log.info
            say(
                "update_state",
                device=peer.device_id,
                version=told.version,
                state=told.state.value,
                about=told.about,
                reason=told.reason,
            )
        rollouts = await self.workers.read(self.store.rollouts)
        has = await asyncio.to_thread(self.channel.releases)
        return offered(in_force(rollouts, asked.site), peer.device_id, told, has)

    async def read(self, peer: Peer, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        await self.workers.read(partial(self.store.asked, peer))
        path = await asyncio.to_thread(self.channel.file, name)
        if path is None:
            raise NotFound(f"the update channel has no {name[:200]}")
        if not name.startswith(_RELEASES):
            async for piece in _pieces(path, offset):
                yield piece
            return
        async with self._place():
            async for piece in _pieces(path, offset):
                await self.pace(len(piece))
                self.figures.update_sent(len(piece))
                yield piece

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.wait_within):
                await self._places.acquire()
        except TimeoutError:
            self.figures.update_turned_away()
            raise RateLimited(
                f"{self.at_once} devices are reading a release: come back later"
            ) from None
        try:
            yield
        finally:
            self._places.release()


async def _pieces(path: Path, offset: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(offset)
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


@dataclass(frozen=True, slots=True)
class ShowUpdates:
    """One part of every server: shows how devices fare, and until when the channel is good."""

    store: UpdateStore
    channel: Mirrored
    workers: Workers
    figures: Figures
    every: float

    async def run(self, stop: asyncio.Event) -> None:
        """Looks every `every` seconds, until stopped."""
        while not stop.is_set():
            with suppress(StoreBusy):  # the next look is soon
                counts = await self.workers.read(self.store.counts)
                expiry = await asyncio.to_thread(self.channel.expiry)
                self.figures.updates(counts, expiry)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)
