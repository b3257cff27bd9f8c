"""Settings of the store, and of how long what is kept there."""

from datetime import timedelta

from pydantic import ByteSize, Field

from vigie_server.setting_values import Group, Span


class StoreSettings(Group):
    """`url` empty: SQLite in the data folder. Otherwise `postgresql+psycopg://...`.

    `gather`: how far apart group commits begin; `gather_greetings`: readings of devices that greet.
    From `capacity` on, what holds of PostgreSQL alone. `capacity`: the room that it may take.
    """

    url: str = ""
    max_group: int = Field(500, ge=1)
    max_pending: int = Field(2_000, ge=1)
    flush_seen_every: Span = timedelta(seconds=5)
    gather: Span = timedelta(milliseconds=50)
    gather_greetings: Span = timedelta(milliseconds=100)
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

    `evidence` is for topics of a site's own packs and for reports that were refused.
    """

    evidence: Span = timedelta(days=90)
    transitions: Span = timedelta(days=3 * 365)
    audit: Span = timedelta(days=365)
    rule_days: Span = timedelta(days=400)
    every: Span = timedelta(hours=1)
    bite: int = Field(2_000, ge=1)
