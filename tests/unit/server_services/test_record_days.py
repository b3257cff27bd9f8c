"""Days of rules are recorded once each, at once where one is late."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from vigie_server.ports.rule_days import SitesBetween
from vigie_server.services.record_days import RecordDays, until_look
from vigie_server.services.workers import Workers

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1)))
"""Half an hour before midnight (UTC) of 1 March."""


@dataclass
class Kept:
    """A store of two parts."""

    days: set[date] = field(default_factory=set)
    parts: list[tuple[date, int, date]] = field(default_factory=list)

    def waiting(self, day: date) -> Sequence[SitesBetween]:
        return () if day in self.days else (SitesBetween(0, 9), SitesBetween(10, 19))

    def record(self, day: date, sites: SitesBetween, *, kept_from: date) -> int:
        self.parts.append((day, sites.first, kept_from))
        return 3

    def recorded(self, day: date) -> None:
        self.days.add(day)


def test_the_day_that_ended_last_is_recorded_part_by_part() -> None:
    kept, workers = Kept(), Workers(readers=1)
    record = RecordDays(kept, workers, lambda: NOW, kept=timedelta(days=10))

    async def twice() -> tuple[int, int]:
        return await record.once(), await record.once()

    try:
        assert asyncio.run(twice()) == (6, 0)
    finally:
        workers.close()
    ended, oldest = date(2026, 2, 28), date(2026, 2, 18)
    assert kept.parts == [(ended, 0, oldest), (ended, 10, oldest)]
    assert kept.days == {ended}


def test_a_server_that_stops_leaves_the_day_to_the_next() -> None:
    kept, workers = Kept(), Workers(readers=1)
    record = RecordDays(kept, workers, lambda: NOW, kept=timedelta(days=10))

    async def stopping() -> None:
        stop = asyncio.Event()
        stop.set()
        await record.once(stop)

    try:
        asyncio.run(stopping())
    finally:
        workers.close()
    assert kept.days == set()


@pytest.mark.parametrize(
    ("now", "wait"),
    [
        (datetime(2026, 3, 1, 23, 58, tzinfo=UTC), timedelta(minutes=2)),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(minutes=10)),
        (datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=10)),
    ],
)
def test_midnight_is_not_slept_through(now: datetime, wait: timedelta) -> None:
    assert until_look(now) == wait
