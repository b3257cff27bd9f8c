"""Instants in the store: microseconds since the epoch, in both databases.

One integer sorts, compares and indexes alike in SQLite and PostgreSQL, has no time zone to lose,
and costs the hot path no parsing.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

KEPT: Final = 4096
"""Instants kept at hand: the verdicts of a device share theirs."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_store(instant: datetime) -> int:
    """Microseconds since the epoch."""
    return (instant - _EPOCH) // _MICROSECOND


@lru_cache(KEPT)
def from_store(microseconds: int) -> datetime:
    """The aware instant, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_store_or_none(instant: datetime | None) -> int | None:
    return None if instant is None else to_store(instant)


def from_store_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_store(microseconds)


class Instant(TypeDecorator[datetime]):
    """A column of aware UTC instants."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return to_store_or_none(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return from_store_or_none(value)
