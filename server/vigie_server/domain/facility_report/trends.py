"""Levels as they were: worked out backwards, from how they are now and what changed since."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from vigie_server.domain.attesting import months_after
from vigie_server.domain.facility_report.content import Move, Period, Trend

MONTHS_A_YEAR: Final = 12
LONGEST: Final = 12
"""Months that a report may cover."""

Change = tuple[datetime, int | None]
"""When a level changed, and what it was before."""


def period_until(now: datetime, months: int = 1) -> Period:
    """The months before this moment."""
    return Period(months_after(now, -months), now, months_after(now, -MONTHS_A_YEAR))


def month_before(now: datetime) -> Period:
    """The calendar month before that of this moment (UTC)."""
    until = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(months_after(until, -1), until, months_after(until, -MONTHS_A_YEAR))


def move(
    now: int | None, changes: Sequence[Change], then: datetime, *, kept_since: datetime | None
) -> Move:
    """How a level came from what it was `then`. `kept_since`: before that, nothing is known."""
    if kept_since is None or then < kept_since:
        return Move(None, Trend.NONE, known=False)
    before = now
    for at, was in sorted(changes, key=lambda change: change[0], reverse=True):
        if at <= then:
            break
        before = was
    return Move(before, trend(before, now))


def trend(before: int | None, now: int | None) -> Trend:
    """How a level moved from one to the other."""
    if now is None:
        return Trend.NONE if before is None else Trend.DOWN
    if before is None:
        return Trend.NEW
    if before == now:
        return Trend.SAME
    return Trend.UP if now > before else Trend.DOWN
