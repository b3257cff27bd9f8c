"""Levels of sites, now and as they were: what tables and charts of them show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.maturity import LEVELS
from vigie_server.ports.maturity import LevelChange

Levels = Mapping[int, int | None]
TOP: Final = LEVELS[-1]
WIDTH, HEIGHT = 600, 120
"""The chart's own units."""
ROOM: Final = 60
"""What the name of a month takes of them."""


@dataclass(frozen=True, slots=True)
class Point:
    """The mean level at an instant."""

    at: datetime
    mean: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A line of steps: its points as SVG takes them, and the same as a table.

    `height` is that of the newest point, `months` are the first days of some, with their places.
    Points begin where the chart does, or, unless `whole`, when a question was assessed first.
    """

    line: str
    points: Sequence[Point]
    height: int
    months: Sequence[tuple[int, datetime]]
    whole: bool


def before(levels: Levels, changes: Iterable[LevelChange], since: datetime) -> Levels:
    """The levels just before an instant; `changes` are those from it on at least."""
    held = dict(levels)
    for change in sorted(changes, key=lambda one: one.at, reverse=True):
        if change.at < since:
            break
        held[change.question] = change.before
    return held


def moved(levels: Levels, earlier: Levels) -> int:
    """How many levels were gained (or lost, below zero) over all questions."""
    return total(levels) - total(earlier)


def total(levels: Levels) -> int:
    """All levels together; a question that is not assessed adds nothing."""
    return sum(level or 0 for level in levels.values())


def mean(levels: Levels) -> float:
    """The mean level of the questions; one that is not assessed counts as none."""
    return total(levels) / len(QUESTIONS)


def assessed(levels: Levels) -> bool:
    """Whether any question has a level."""
    return any(level is not None for level in levels.values())


def trend(
    levels: Levels, changes: Sequence[LevelChange], *, since: datetime, now: datetime
) -> Chart:
    """How the mean level went from an instant until now."""
    held = dict(before(levels, changes, since))
    whole = assessed(held)
    points = [Point(since, mean(held))] if whole else []
    for change in sorted(changes, key=lambda one: one.at):
        if since <= change.at <= now:
            held[change.question] = change.after
            if points and points[-1].at == change.at:
                points.pop()
            if points or assessed(held):
                points.append(Point(change.at, mean(held)))
    points.append(Point(now, mean(levels)))
    height = round(HEIGHT - points[-1].mean / TOP * HEIGHT)
    return Chart(_steps(points, since, now), points, height, _months(since, now), whole)


def _months(since: datetime, now: datetime) -> Sequence[tuple[int, datetime]]:
    """Every third month's first day that the chart has room to name."""
    span = max((now - since).total_seconds(), 1)
    found = []
    for number in range(since.year * 12 + since.month, now.year * 12 + now.month, 3):
        at = datetime(number // 12, number % 12 + 1, 1, tzinfo=since.tzinfo)
        place = round((at - since).total_seconds() / span * WIDTH)
        if place <= WIDTH - ROOM:
            found.append((place, at))
    return found


def _steps(points: Sequence[Point], since: datetime, now: datetime) -> str:
    span = max((now - since).total_seconds(), 1)
    places: list[tuple[int, int]] = []
    for point in points:
        x = round((point.at - since).total_seconds() / span * WIDTH)
        y = round(HEIGHT - point.mean / TOP * HEIGHT)
        if places:
            places.append((x, places[-1][1]))
        places.append((x, y))
    return " ".join(f"{x},{y}" for x, y in places)
