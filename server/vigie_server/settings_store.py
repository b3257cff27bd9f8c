"""Settings of the store, and of how long what is kept there."""

from datetime import timedelta
from typing import Final

from pydantic import ByteSize, Field

from vigie_server.setting_values import Group, Span

_APART: Final = timedelta(seconds=5)
_DAY: Final = timedelta(days=1)


class StoreSettings(Group):
    """`url` empty: SQLite in the data folder. Otherwise `postgresql+psycopg://...`.

    `gather`: how far apart group commits begin; `gather_greetings`: readings of devices that greet.
    Nobody is acknowledged or welcomed meanwhile: 100 is not meant as a hundred seconds.
    From `capacity` on, what holds of PostgreSQL alone. `capacity`: the room that it may take.
    """

    url: str = ""
    max_group: int = Field(500, ge=1)
    max_pending: int = Field(2_000, ge=1)
    flush_seen_every: Span = Field(timedelta(seconds=5), gt=timedelta(0))
    gather: Span = Field(timedelta(milliseconds=100), ge=timedelta(0), le=_APART)
    gather_greetings: Span = Field(timedelta(milliseconds=100), ge=timedelta(0), le=_APART)
    cached_devices: int = Field(2_000, ge=1)
    sqlite_cache: ByteSize = Field(ByteSize(8_000 * 1024), ge=64 * 1024)
    capacity: ByteSize | None = Field(None, gt=0)
    connections: int = Field(15, ge=6, le=1_000)
    connect_within: Span = Field(timedelta(seconds=5), gt=timedelta(0))
    statement_within: Span = Field(timedelta(minutes=1), gt=timedelta(0))
    lock_within: Span = Field(timedelta(seconds=10), gt=timedelta(0))
    silent_within: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    retries: int = Field(5, ge=0, le=20)
    lead_every: Span = Field(timedelta(seconds=2), gt=timedelta(0))


class RetentionSettings(Group):
    """How long what is kept. Answers are kept as long as their topic says.

    `evidence` is for topics of a site's own packs and for reports that were refused. What is past
    its time is gone for good: 3, meant as years, is not taken as three seconds.
    """

    evidence: Span = Field(timedelta(days=90), ge=_DAY)
    transitions: Span = Field(timedelta(days=3 * 365), ge=_DAY)
    audit: Span = Field(timedelta(days=365), ge=_DAY)
    rule_days: Span = Field(timedelta(days=400), ge=_DAY)
    every: Span = Field(timedelta(hours=1), gt=timedelta(0))
    bite: int = Field(2_000, ge=1)
