"""Who logged in and when, as `last` and `who` print it in the C locale. Pure.

`last` prints no year. Its lines run from the newest back, more or less, and each names its weekday:
the year of a line is the latest one that agrees with both.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from vigie_agent.tables.c_locale import DAYS, MONTHS

_LINE: Final = re.compile(
    rf"^(?P<user>\S+)\s.*?\b(?P<weekday>{'|'.join(DAYS)}) (?P<month>{'|'.join(MONTHS)})"
    r" +(?P<day>\d{1,2}) \d\d:\d\d\b"
)
_NO_PERSON: Final = frozenset({"reboot", "shutdown", "wtmp", "runlevel"})
_YEARS_BACK: Final = 12  # a date is on the same weekday again after eleven years at most, or twelve
_DISORDER: Final = timedelta(days=45)  # how far a line may lie after the one before it


def last_days(printed: str, today: date) -> dict[str, int] | None:
    """UNIX time of the day of each account's last login; None when this is no answer of `last`."""
    found: dict[str, int] = {}
    latest = oldest = today + timedelta(days=1)  # the clock's zone is not ours
    lines = [line for line in printed.splitlines() if line.strip()]
    for line in lines:
        told = _LINE.match(line)
        day = _day(told, min(oldest + _DISORDER, latest)) if told else None
        if told is None or day is None:
            continue
        oldest = min(oldest, day)
        if told["user"] not in _NO_PERSON:
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            found.setdefault(told["user"], int(start.timestamp()))
    begins = any(line.startswith("wtmp begins") for line in lines)
    return found if found or begins else None


def open_sessions(printed: str) -> tuple[str, ...]:
    """The accounts with an open session in what `who` printed, each once."""
    return tuple(sorted({line.split()[0] for line in printed.splitlines() if line.strip()}))


def _day(told: re.Match[str], bound: date) -> date | None:
    month, day = MONTHS.index(told["month"]) + 1, int(told["day"])
    return next(_candidates(month, day, DAYS.index(told["weekday"]), bound), None)


def _candidates(month: int, day: int, weekday: int, bound: date) -> Iterator[date]:
    for year in range(bound.year, bound.year - _YEARS_BACK, -1):
        try:
            candidate = date(year, month, day)
        except ValueError:  # the 29th of February, or a damaged line
            continue
        if candidate <= bound and candidate.weekday() == weekday:
            yield candidate
