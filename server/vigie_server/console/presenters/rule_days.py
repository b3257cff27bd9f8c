"""How many devices failed a rule from day to day: what the chart and its table show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor, log10
from typing import Final

from vigie_server.ports.rule_days import DayOfRule

SPANS: Final = (30, 90, 365)
"""How many days back can be looked at."""
USUAL: Final = 90
WIDTH, HEIGHT = 600, 120
"""The chart's own units."""
LINES: Final = 4
"""Lines across the chart, at most, above that of zero."""
NAMED: Final = 4
"""Days that are named below the chart."""
_STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class DaysChart:
    """Two lines: devices that fail, and those of which it is not known.

    `scale` has the heights of lines across and their numbers, `named` the places of some days.
    `waived` tells whether any of the days has failures that were accepted: these are not drawn.
    """

    days: Sequence[DayOfRule]
    failing: str
    unknown: str
    ends: tuple[int, int]
    scale: Sequence[tuple[int, int]]
    named: Sequence[tuple[int, date]]
    waived: bool

    @property
    def first(self) -> DayOfRule:
        """The oldest day."""
        return self.days[0]

    @property
    def last(self) -> DayOfRule:
        """Today."""
        return self.days[-1]


def span_of(given: str) -> int:
    """The days back that an address asks for; the usual ones where it says nothing of use."""
    return next((span for span in SPANS if str(span) == given), USUAL)


def days_chart(days: Sequence[DayOfRule], *, since: date, today: date) -> DaysChart | None:
    """The chart of these days, the oldest first; None where there is one day only."""
    if len(days) < 2:  # noqa: PLR2004 (a line has two ends)
        return None
    top = max(max(held.tally.failing, held.tally.unknown) for held in days)
    step = step_of(top)
    lines = max(1, -(-top // step))

    def height(count: int) -> int:
        return round(HEIGHT - count / (lines * step) * HEIGHT)

    def place(day: date) -> int:
        return round((day - since).days / max((today - since).days, 1) * WIDTH)

    def line(counts: Sequence[int]) -> str:
        places = [place(held.day) for held in days]
        return " ".join(f"{x},{height(y)}" for x, y in zip(places, counts, strict=True))

    failing = [held.tally.failing for held in days]
    unknown = [held.tally.unknown for held in days]
    back = (today - since).days
    marks = [since + timedelta(days=round(back * part / NAMED)) for part in range(NAMED)]
    return DaysChart(
        days,
        line(failing),
        line(unknown),
        (height(failing[-1]), height(unknown[-1])),
        [(height(number * step), number * step) for number in range(lines + 1)],
        [(place(day), day) for day in marks],
        any(held.tally.waived for held in days),
    )


def step_of(top: int) -> int:
    """A round number that comes up to the top in few steps."""
    if top <= LINES:
        return 1
    least = top / LINES
    power: int = 10 ** floor(log10(least))
    return next(power * step for step in _STEPS if power * step >= least)
