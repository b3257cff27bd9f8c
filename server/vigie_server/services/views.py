"""Keeps the read model told: which devices changed, at a calm pace, after their commits.

What is shown never goes back: views are read one after the other, each from a later moment of the
store than the one before, and the instant of a last report only rises.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.views import DeviceView
from vigie_server.ports.views import ReadModel, ViewStore
from vigie_server.services.waiting import either
from vigie_server.services.workers import Workers

log = structlog.get_logger()

CHUNK = 500


class Viewing:
    """Collects what changed and passes it on; a device that changes often is rendered once."""

    def __init__(
        self,
        store: ViewStore,
        workers: Workers,
        model: ReadModel,
        *,
        every: float,
    ) -> None:
        self._store = store
        self._workers = workers
        self._model = model
        self._every = every
        self._changed: dict[int, None] = {}
        self._filled = False
        self._shown = asyncio.Event()
        self.known = 0
        """How many devices there were when all were last shown."""

    async def every_device_shown(self, stop: asyncio.Event) -> None:
        """Waits until the model has been whole once, or until stopped."""
        await either(self._shown, stop)

    def committed(self, change: DeviceChange) -> None:
        """A change has been committed."""
        if change.is_shown:
            self._changed[change.key] = None
        elif change.device.last_report_at is not None:
            self._model.seen(change.device_id, change.device.last_report_at)

    def changed(self, key: int) -> None:
        """Something else about the device has changed, or may have."""
        self._changed[key] = None

    def heed(self, noticed: Noticed) -> None:
        """Takes what other processes changed."""
        self._changed.update(dict.fromkeys((*noticed.shown, *noticed.acted)))
        for device_id, at in noticed.seen.items():
            self._model.seen(device_id, at)
        if noticed.missed:
            self._filled = False

    async def run(self, stop: asyncio.Event) -> None:
        """Fills the read model with every device, then follows the changes until stopped."""
        while not stop.is_set():
            try:
                if not self._filled:
                    self._filled = True  # what is missed from here on is another fill
                    await self._fill(stop)
                await self._follow()
            except StoreBusy as error:
                log.warning("views_postponed", devices=len(self._changed), error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every)

    async def _fill(self, stop: asyncio.Event) -> None:
        """Shows every device. Stopped meanwhile, it leaves the model as it is: not whole."""
        after = 0
        found: set[str] = set()
        try:
            while not stop.is_set():
                page = await self._workers.read(
                    partial(self._store.views_after, after, limit=CHUNK)
                )
                await self._show(page)
                found.update(view.device.id for _, view in page)
                if len(page) < CHUNK:
                    break
                after = page[-1][0]
            else:
                return
        except BaseException:
            self._filled = False
            raise
        await self._model.whole(found)
        self.known = len(found)
        self._shown.set()

    async def _follow(self) -> None:
        while self._changed:
            keys = list(self._changed)[:CHUNK]
            for key in keys:  # before the read: what changes during it is read again
                del self._changed[key]
            try:
                page = await self._workers.read(partial(self._store.views_of, keys))
            except StoreBusy:
                self._changed.update(dict.fromkeys(keys))
                raise
            await self._show(page)

    async def _show(self, page: Sequence[tuple[int, DeviceView]]) -> None:
        await self._model.show([view for _, view in page])
