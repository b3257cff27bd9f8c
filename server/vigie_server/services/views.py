"""Keeps the read model told: which devices changed, at a calm pace, after their commits."""

import asyncio
from contextlib import suppress
from functools import partial

import structlog

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.views import DeviceView
from vigie_server.ports.views import ReadModel, ViewStore
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
        self._act = 0

    def committed(self, change: DeviceChange) -> None:
        """A change has been committed."""
        if change.verdicts or change.retracted or change.evidence:
            self._changed[change.key] = None
        elif change.device.last_report_at is not None:
            self._model.seen(change.device_id, change.device.last_report_at)

    def changed(self, key: int) -> None:
        """Something else about the device has changed."""
        self._changed[key] = None

    async def run(self, stop: asyncio.Event) -> None:
        """Fills the read model with every device, then follows the changes until stopped."""
        self._act = await self._workers.read(self._store.last_act)
        await self._fill()
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every)
            try:
                await self._notice_acts()
                await self._follow()
            except StoreBusy as error:
                log.warning("views_postponed", devices=len(self._changed), error=str(error))

    async def _fill(self) -> None:
        after = 0
        while True:
            page = await self._workers.read(partial(self._store.views_after, after, limit=CHUNK))
            for key, view in page:
                self._show(view)
                after = key
            if len(page) < CHUNK:
                return

    async def _notice_acts(self) -> None:
        """Finds what other processes did to devices: the command line, another replica."""
        while True:
            self._act, keys = await self._workers.read(
                partial(self._store.acted_on, self._act, limit=CHUNK)
            )
            self._changed.update(dict.fromkeys(keys))
            if len(keys) < CHUNK:
                return

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
            for _, view in page:
                self._show(view)

    def _show(self, view: DeviceView) -> None:
        if view.device.state is DeviceState.RETIRED:
            self._model.remove(view.device.id)
        else:
            self._model.put(view)
