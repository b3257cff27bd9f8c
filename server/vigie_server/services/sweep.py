"""Judges again what time alone can change, and everything when the rules have changed.

It goes through the same records and the same commits as reports do, so the two never disagree.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

import structlog

from vigie_server.domain.errors import StoreBusy, UnknownDevice
from vigie_server.domain.noticed import Noticed
from vigie_server.ports.attesting import Lapsing
from vigie_server.ports.figures import Figures
from vigie_server.ports.judging import Judging
from vigie_server.ports.sessions import RecordStore
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.device_records import DeviceRecords
from vigie_server.services.group_commit import End, GroupCommit
from vigie_server.services.views import Viewing
from vigie_server.services.waiting import Turn, either
from vigie_server.services.workers import Workers

log = structlog.get_logger()

TOGETHER: Final = 125
"""Devices read at once, some 20 KB each: what is asked for all of them costs as much as for one."""
SELDOM: Final = 0.5
"""Share of them whose verdicts may move before those of the next are read in full at once."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One part of the server: `run` it beside the sessions."""

    store: RecordStore
    workers: Workers
    records: DeviceRecords
    accept: AcceptReport
    commits: GroupCommit
    viewing: Viewing
    judging: Judging
    figures: Figures
    now: Callable[[], datetime]
    every: float
    batch: int
    lapsing: Lapsing
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def heed(self, noticed: Noticed) -> None:
        """Somebody did something: what it asks to be judged again is looked for at once."""
        if noticed.subjects or noticed.all_moved or noticed.missed:
            self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps until stopped: every now and then, and when somebody did something.

        It begins once readers see every device: after a start with other rules the whole fleet is
        judged again, and meanwhile there would be no page for Prometheus.
        """
        await self.viewing.every_device_shown(stop)
        again = False
        while not stop.is_set():
            self._woken.clear()
            try:
                swept, refused = await self.once(stop)
            except StoreBusy as error:
                log.warning("sweep_postponed", error=str(error))
                swept = refused = 0
            again = refused > 0 and not again  # records at hand were past: now they are read anew
            if swept < self.batch and not again:
                await either(stop, self._woken, within=self.every)

    async def once(self, stop: asyncio.Event | None = None) -> tuple[int, int]:
        """One round; gives how many devices were judged again, and how many were refused."""
        began = self.now()
        lapsed = await self.workers.write(partial(self.lapsing.lapse, began))
        if lapsed:
            log.info("attestations_lapsed", attestations=lapsed)
        anew = await self.workers.read(
            partial(self.store.judged_otherwise, self.judging.digest, limit=self.batch)
        )
        differ = {key: self.judging.differing(digest) for key, digest in anew.items()}
        differed = await self._judge_each(differ, stop, glimpses=True)
        since = await self.workers.read(partial(self.store.due_since, now=began))
        due = await self.workers.read(partial(self.store.due, now=began, limit=self.batch))
        ends = differed + await self._judge_each(due, stop, glimpses=False)
        swept = sum(ends)
        late = timedelta(0) if since is None else began - since
        self.figures.swept(swept, at=self.now(), overdue=late)
        if swept:
            log.info("devices_judged_again", devices=swept)
        return swept, len(ends) - swept

    async def _judge_each(
        self,
        devices: Mapping[int, Collection[str] | None],
        stop: asyncio.Event | None,
        *,
        glimpses: bool,
    ) -> list[bool]:
        """Judges the rules of each device (None: all) and waits; whether each was committed.

        `glimpses`: verdicts are read where they do not stand alone, as long as that is seldom.
        """
        ends: list[asyncio.Future[bool]] = []
        moved = 0
        waiting = iter(devices)
        turn = Turn()
        while not (stop is not None and stop.is_set()) and (
            keys := list(islice(waiting, TOGETHER))
        ):
            topics = self._topics(devices[key] for key in keys)
            seldom, moved = moved < len(keys) * SELDOM, 0
            try:
                async with self.records.together(keys, topics=topics, glimpses=glimpses and seldom):
                    for key in keys:
                        with suppress(UnknownDevice):  # erased since it was listed
                            ended, moves = await self._judge(key, devices[key])
                            ends.append(ended)
                            moved += moves
                        await turn.is_over()
            finally:  # what was judged before the store failed waits for no other change
                self.commits.begin()
            await self.commits.room()
        return await asyncio.gather(*ends)

    def _topics(self, asked: Iterable[Collection[str] | None]) -> frozenset[str] | None:
        """What these rules read; None for all that any reads."""
        topics: set[str] = set()
        for rules in asked:
            if rules is None:
                return None
            topics.update(*map(self.judging.topics_of, rules))
        return frozenset(topics)

    async def _judge(
        self, key: int, rules: Collection[str] | None
    ) -> tuple["asyncio.Future[bool]", bool]:
        """Whether it was committed, once that is known, and whether a verdict moves."""
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(end: End) -> None:
            if end is End.COMMITTED:
                self.viewing.committed(change)
            elif end is End.FAILED:
                self.viewing.changed(key)
            if not ended.done():
                ended.set_result(end is End.COMMITTED)

        async with self.records.using(key) as record:
            try:
                change = await self.accept.judge_again(record, rules, now=self.now())
            except BaseException:
                record.stale = True  # it may be half-way
                raise
            self.commits.submit(change, record, done, more=True)
        return ended, bool(change.verdicts)
