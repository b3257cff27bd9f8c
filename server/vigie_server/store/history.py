"""History by month, on PostgreSQL: a partition of `transition` and `audit` for each month.

Months are made ahead of time and dropped whole. What happens in a month that has none (a server
that slept, a clock that leapt) goes to the partition `_other`, so nothing is ever refused, and
moves to its month when that is made. Replicas may all do this at any time: one does it, and none
waits for it longer than `LOCK_WITHIN_MS`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

from vigie_server.store.instants import to_store

BY_MONTH: Final = ("transition", "audit")
AHEAD: Final = 2
"""Months that are there before they begin."""
LOCK_WITHIN_MS: Final = 2_000
"""Everybody who writes history waits behind one that makes or drops a month."""

_ALONE: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('vigie: history'))")
_PARTITIONS: Final = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = to_regclass(:of)"
)
_MONTH: Final = re.compile(r"_(\d{4})_(\d{2})\Z")


def stray(of: str) -> str:
    """The partition of what happened in a month that has none."""
    return f"{of}_other"


def partition(of: str, month: datetime) -> str:
    """The partition of a month, given by its first instant."""
    return f"{of}_{month:%Y_%m}"


def month_of(instant: datetime) -> datetime:
    """The first instant of its month, in UTC."""
    return datetime(instant.year, instant.month, 1, tzinfo=UTC)


def next_month(month: datetime) -> datetime:
    """The first instant of the month after."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def months(first: datetime, last: datetime) -> Iterator[datetime]:
    """Every month from that of `first` to that of `last`."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)


def ahead_of(now: datetime) -> datetime:
    """The last month that is to be there now."""
    month = month_of(now)
    for _ in range(AHEAD):
        month = next_month(month)
    return month


def make_months(connection: Connection, now: datetime) -> Sequence[str]:
    """Makes the months from this one to `AHEAD` that are missing; gives their partitions."""
    if not _missing(connection, now) or not _alone(connection):
        return ()
    missing = _missing(connection, now)  # another replica may have been at it until now
    for of, month in missing:
        _make(connection, of, month)
    return [partition(of, month) for of, month in missing]


def make_these(connection: Connection, of: str, wanted: Iterable[datetime]) -> None:
    """Makes these months, given by their first instants, where they are missing."""
    there = set(_partitions(connection, of))
    for month in wanted:
        if partition(of, month) not in there:
            _make(connection, of, month)


def drop_months(connection: Connection, of: str, before: datetime) -> Sequence[str]:
    """Drops the months that ended by then, with all that happened in them; gives their names."""
    if not _past(connection, of, before) or not _alone(connection):
        return ()
    past = _past(connection, of, before)
    for name in past:
        connection.execute(text(f"DROP TABLE {name}"))
    return past


def _missing(connection: Connection, now: datetime) -> Sequence[tuple[str, datetime]]:
    return [
        (of, month)
        for of in BY_MONTH
        for there in [set(_partitions(connection, of))]
        for month in months(now, ahead_of(now))
        if partition(of, month) not in there
    ]


def _past(connection: Connection, of: str, before: datetime) -> Sequence[str]:
    past = []
    for name in _partitions(connection, of):
        found = _MONTH.search(name)
        if found is not None:
            month = datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
            if next_month(month) <= before:
                past.append(name)
    return sorted(past)


def attached(of: str, month: datetime) -> str:
    """The statement that makes a table, filled or not, the partition of a month."""
    begins, ends = to_store(month), to_store(next_month(month))
    return (
        f"ALTER TABLE {of} ATTACH PARTITION {partition(of, month)} "
        f"FOR VALUES FROM ({begins}) TO ({ends})"
    )


def _make(connection: Connection, of: str, month: datetime) -> None:
    name, other = partition(of, month), stray(of)
    within = {"begins": to_store(month), "ends": to_store(next_month(month))}
    for statement in (
        f"LOCK TABLE {other} IN ACCESS EXCLUSIVE MODE",  # nothing strays while it is being made
        f"CREATE TABLE {name} (LIKE {of} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
    ):
        connection.execute(text(statement))
    connection.execute(
        text(
            f"WITH moved AS (DELETE FROM {other} WHERE at >= :begins AND at < :ends RETURNING *) "  # noqa: S608 (our own names)
            f"INSERT INTO {name} SELECT * FROM moved"
        ),
        within,
    )
    connection.execute(text(attached(of, month)))


def _partitions(connection: Connection, of: str) -> Sequence[str]:
    return connection.execute(_PARTITIONS, {"of": of}).scalars().all()


def _alone(connection: Connection) -> bool:
    """Whether no other replica is at it; from then on nobody is kept waiting for long."""
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_WITHIN_MS}"))
    return bool(connection.execute(_ALONE).scalar_one())
