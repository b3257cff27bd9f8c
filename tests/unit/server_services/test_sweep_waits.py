"""What judges a whole fleet again leaves the start to those who read it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.sweep import Sweep
from vigie_server.services.views import Viewing
from vigie_server.services.workers import Workers

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Story:
    """A store, which cannot be read at first, and a model; notes what is asked."""

    digest = "rules"

    def __init__(self, *, busy: int) -> None:
        self.told: list[str] = []
        self.swept = asyncio.Event()
        self.waiting: Mapping[int, Sequence[str]] = {}
        self._busy = busy
        self._loop = asyncio.get_running_loop()

    def views_after(self, key: int, *, limit: int) -> Sequence[tuple[int, DeviceView]]:  # noqa: ARG002
        self.told.append("views")
        if self._busy:
            self._busy -= 1
            raise StoreBusy("later")
        return ()

    def views_of(self, keys: Collection[int]) -> Sequence[tuple[int, DeviceView]]:  # noqa: ARG002
        return ()

    async def show(self, views: Sequence[DeviceView]) -> None: ...

    def seen(self, device_id: str, at: datetime) -> None: ...

    async def whole(self, devices: Collection[str]) -> None:  # noqa: ARG002
        self.told.append("whole")

    def lapse(self, now: datetime) -> int:  # noqa: ARG002
        return 0

    def judged_otherwise(self, digest: str, *, limit: int) -> Mapping[int, str]:  # noqa: ARG002
        self.told.append("swept")
        self._loop.call_soon_threadsafe(self.swept.set)
        return {}

    def due(self, *, now: datetime, limit: int) -> Mapping[int, Sequence[str]]:  # noqa: ARG002
        return self.waiting

    def topics_of(self, rule: str) -> Collection[str]:  # noqa: ARG002
        return ()

    def due_since(self, *, now: datetime) -> datetime | None:  # noqa: ARG002
        return None


class AtHand:
    """Records that are at hand, and a queue of changes; the third device cannot be judged."""

    def __init__(self) -> None:
        self.judged = 0
        self.queued = 0
        self.begun = 0

    @asynccontextmanager
    async def together(self, *_: object, **__: object) -> AsyncIterator[None]:
        yield

    @asynccontextmanager
    async def using(self, key: int) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(key=key)

    async def judge_again(self, *_: object, now: datetime) -> SimpleNamespace:
        if self.judged == 2:
            raise StoreBusy("now")
        self.judged += 1
        return SimpleNamespace(verdicts=(), at=now)

    def submit(self, *_: object, more: bool) -> None:
        assert more
        self.queued += 1

    def begin(self) -> None:
        self.begun = self.queued

    async def room(self) -> None: ...


async def test_what_was_judged_before_the_store_failed_waits_for_no_other_change() -> None:
    story, workers, at_hand = Story(busy=0), Workers(), AtHand()
    story.waiting = {1: ("r",), 2: ("r",), 3: ("r",)}
    _, sweep = parts(story, workers)
    given: Any = at_hand

    with pytest.raises(StoreBusy):
        await replace(sweep, records=given, accept=given, commits=given).once()
    workers.close()

    assert at_hand.begun == 2


def parts(story: Story, workers: Workers, *, every: float = 0.001) -> tuple[Viewing, Sweep]:
    viewing = Viewing(story, workers, story, every=0.001)
    unused: Any = None
    store: Any = story
    sweep = Sweep(
        store=store,
        workers=workers,
        records=unused,
        accept=unused,
        commits=unused,
        viewing=viewing,
        judging=store,
        figures=OwnFigures(CollectorRegistry()),
        now=lambda: NOW,
        every=every,
        batch=10,
        lapsing=story,
    )
    return viewing, sweep


async def test_the_sweeper_begins_when_every_device_is_shown() -> None:
    story, workers, stop = Story(busy=2), Workers(), asyncio.Event()
    viewing, sweep = parts(story, workers)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sweep.run(stop))
        tasks.create_task(viewing.run(stop))
        await story.swept.wait()
        stop.set()
    workers.close()

    assert story.told[:5] == ["views", "views", "views", "whole", "swept"]


async def test_a_server_that_loses_the_lead_before_it_read_the_fleet_ends_its_sweeper() -> None:
    story, workers, ended = Story(busy=0), Workers(), asyncio.Event()
    _, sweep = parts(story, workers)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sweep.run(ended))
        asyncio.get_running_loop().call_soon(ended.set)
    workers.close()

    assert story.told == []


async def test_a_server_that_is_stopped_as_it_starts_does_not_read_the_fleet_to_its_end() -> None:
    story, workers, stop = Story(busy=0), Workers(), asyncio.Event()
    viewing, _ = parts(story, workers)
    loop = asyncio.get_running_loop()
    view: Any = SimpleNamespace(device=SimpleNamespace(id="one"))

    def endless(key: int, *, limit: int) -> Sequence[tuple[int, Any]]:
        story.told.append("views")
        if len(story.told) == 2:
            loop.call_soon_threadsafe(stop.set)
        return [(key + 1, view)] * limit

    async with asyncio.timeout(30):
        story.views_after = endless  # type: ignore[method-assign]
        await viewing.run(stop)
    workers.close()

    assert "whole" not in story.told


async def test_what_somebody_did_is_swept_without_waiting_for_the_next_time() -> None:
    story, workers, stop = Story(busy=0), Workers(), asyncio.Event()
    viewing, sweep = parts(story, workers, every=3600)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(sweep.run(stop))
        tasks.create_task(viewing.run(stop))
        await story.swept.wait()
        for noticed in (Noticed(subjects=("Les Tilleuls",)), Noticed(all_moved=True)):
            story.swept.clear()
            sweep.heed(noticed)
            await story.swept.wait()
        stop.set()
    workers.close()

    assert story.told.count("swept") == 3
