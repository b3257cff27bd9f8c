"""Commits the changes of many sessions together, in the order they came.

While one group is being committed the next one gathers: alone, a report waits for nothing; under
load, one flush to the disk serves hundreds. Nothing is dropped: `room` makes senders wait.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum, auto
from functools import partial
from time import monotonic
from typing import Protocol

import structlog

from vigie_server.domain.errors import StoreBusy, StoreRefused
from vigie_server.domain.made_often import made_often
from vigie_server.domain.records import DeviceChange, DeviceRecord
from vigie_server.ports.figures import Figures
from vigie_server.ports.sessions import RecordStore, Seen
from vigie_server.services.workers import Workers

log = structlog.get_logger()


class End(Enum):
    """How a change ended."""

    COMMITTED = auto()
    OUTDATED = auto()
    """Never reaches the store: it was made on a record that is not the store's any more."""
    FAILED = auto()
    """The store is busy or refuses it. One lost while it committed may have it after all."""


class Done(Protocol):
    """Is told how a change ended."""

    def __call__(self, end: End) -> None: ...


@made_often
class Pending:
    """A change that waits, the record it was made on, and whom to tell how it ended."""

    change: DeviceChange
    record: DeviceRecord
    done: Done

    def ended(self, end: End) -> None:
        """Marks the record where the store does not have it so, and tells who waits."""
        self.record.on_their_way -= 1
        if end is not End.COMMITTED:
            self.record.stale = True
        self.done(end)


class GroupCommit:
    """The one place from which devices' changes reach the store."""

    def __init__(
        self,
        store: RecordStore,
        workers: Workers,
        figures: Figures,
        *,
        max_group: int,
        max_pending: int,
        flush_seen_every: float,
        gather: float,
    ) -> None:
        self._store = store
        self._workers = workers
        self._figures = figures
        self._max_group = max_group
        self._max_pending = max_pending
        self._flush_seen_every = flush_seen_every
        self._gather = gather
        self._pending: list[Pending] = []
        self._awaited = False
        """Whether somebody waits for any of them."""
        self._seen: dict[int, Seen] = {}
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._last_keys: frozenset[int] = frozenset()
        self._room = asyncio.Event()
        self._room.set()
        self._stopping = False

    @property
    def backlog(self) -> int:
        """Changes that wait for their commit."""
        return len(self._pending)

    def submit(
        self, change: DeviceChange, record: DeviceRecord, done: Done, *, more: bool = False
    ) -> None:
        """Queues a change; `done` is told once it is committed, or never will be.

        `more` follow at once: it may wait for them, until another does not or `begin` is called.
        """
        record.on_their_way += 1
        self._pending.append(Pending(change, record, done))
        if not more:
            self.begin()
        if len(self._pending) >= self._max_group:
            self.begin()
            self._full.set()
        if len(self._pending) >= self._max_pending:
            self._room.clear()

    def begin(self) -> None:
        """Has what was queued committed with the next group."""
        self._awaited = bool(self._pending)
        self._work.set()

    def saw(self, key: int, at: datetime, skew: float | None) -> None:
        """Notes a sign of life; written with a later group, the newest of each device alone."""
        self._seen[key] = Seen(key, at, skew)

    async def room(self) -> None:
        """Returns once the store is not too far behind."""
        if not self._room.is_set():
            await self._room.wait()

    def stop(self) -> None:
        """Lets `run` end once everything that waits is committed."""
        self._stopping = True
        self._work.set()
        self._full.set()

    async def run(self) -> None:
        """Commits until stopped, and then what is left."""
        began = -self._gather
        while not (self._stopping and not self._pending and not self._seen):
            if not self._awaited and not self._stopping:
                self._work.clear()
                with suppress(TimeoutError):  # time to write the signs of life
                    await asyncio.wait_for(self._work.wait(), self._flush_seen_every)
            await self._gathered(began)
            began = monotonic()
            await self._commit_group()

    async def _gathered(self, began: float) -> None:
        """Lets changes come together: groups begin `gather` seconds apart, at the closest.

        A transaction and its flush cost as much as several reports. A change that comes alone finds
        no group before it and waits for nothing; nor does the next one of a device that is alone.
        """
        left = began + self._gather - monotonic()
        alone = len(self._pending) == 1 and {self._pending[0].change.key} == self._last_keys
        if left > 0 and not alone:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), left)

    async def _commit_group(self) -> None:
        group = self._take()
        self._last_keys = frozenset(pending.change.key for pending in group)
        seen, self._seen = list(self._seen.values()), {}
        if not group and not seen:
            return
        began = monotonic()
        try:
            lost = await self._commit(group, seen)
        except StoreRefused as error:
            log.error("commit_refused", changes=len(group), error=str(error))
            lost = await self._commit_apart(group)
            self._keep(seen)
        except StoreBusy as error:
            log.error("commit_failed", changes=len(group), error=str(error))
            self._keep(seen)
            lost = {pending.change.key: End.FAILED for pending in group}
        self._end(group, lost)
        committed = sum(pending.change.key not in lost for pending in group)
        self._figures.reports_committed(committed, seconds=monotonic() - began)

    def _keep(self, seen: Sequence[Seen]) -> None:
        """Has signs of life written with a later group, but for who was seen again since.

        Not at the end, which does not wait for a store that is away.
        """
        if not self._stopping:
            for one in seen:
                self._seen.setdefault(one.key, one)

    async def _commit(self, group: Sequence[Pending], seen: Sequence[Seen]) -> dict[int, End]:
        """How the changes ended of the devices whose changes are not in the store."""
        changes = [pending.change for pending in group]
        late = await self._workers.write(partial(self._store.commit, changes, seen))
        return dict.fromkeys(late, End.OUTDATED)

    async def _commit_apart(self, group: Sequence[Pending]) -> dict[int, End]:
        """One transaction for each device, so that what one sent harms no other."""
        lost: dict[int, End] = {}
        apart: dict[int, list[Pending]] = {}
        for pending in group:
            apart.setdefault(pending.change.key, []).append(pending)
        for key, own in apart.items():
            try:
                lost |= await self._commit(own, ())
            except (StoreRefused, StoreBusy) as error:
                log.error("commit_failed", device=own[0].change.device_id, error=str(error))
                lost[key] = End.FAILED
        return lost

    def _take(self) -> list[Pending]:
        group, self._pending = self._pending[: self._max_group], self._pending[self._max_group :]
        self._awaited = bool(self._pending)
        if len(self._pending) < self._max_group and not self._stopping:
            self._full.clear()
        if len(self._pending) < self._max_pending:
            self._room.set()
        kept = []
        come_to: dict[int, int] = {}
        for pending in group:
            key, before = pending.change.key, pending.change.revision_before
            # Made on a change that never came to be, or on another record than the one before it.
            if pending.record.stale or come_to.get(key, before) != before:
                pending.ended(End.OUTDATED)
            else:
                come_to[key] = pending.change.revision
                kept.append(pending)
        return kept

    def _end(self, group: list[Pending], lost: Mapping[int, End]) -> None:
        for pending in group:
            end = lost.get(pending.change.key, End.COMMITTED)
            if end is End.FAILED:
                self._figures.commit_failed()
            pending.ended(end)
