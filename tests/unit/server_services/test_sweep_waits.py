"""What judges a whole fleet again leaves the start to those who read it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    """A store without devices, which cannot be read at first, and a model; notes what is asked."""

    digest = "rules"

    def __init__(self, *, busy: int) -> None:
        self.told: list[str] = []
        self.swept = asyncio.Event()
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
        return {}

    def due_since(self, *, now: datetime) -> datetime | None:  # noqa: ARG002
        return None


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
