"""What the server tells a device in its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vigie_server.domain.reports import Limits


@dataclass(frozen=True, slots=True)
class Intervals:
    """When to send a sign of life, whether to stay connected, and when to come back otherwise.

    A device that loses its session comes back anywhere within `reconnect`.
    """

    heartbeat: timedelta
    stay: bool
    visit: timedelta
    reconnect: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a greeting. `resume_after` is the last committed sequence number.

    `asks` wait for this device: a visit answers them before it ends.
    """

    store_epoch: bytes
    resume_after: int
    limits: Limits
    intervals: Intervals
    server_time: datetime
    asks: tuple["Ask", ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """All reports up to `seq` are committed, or rejected for good as listed (number, reason)."""

    seq: int
    rejected: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Resend:
    """Full snapshots of these topics are needed; of all topics when empty."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The session ends; come back after `retry_after`."""

    retry_after: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Disable:
    """The device is retired or revoked: stop, and keep nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One SELECT to answer now, within the time and the rows; the device's user sees the rest."""

    ask_id: str
    sql: str
    timeout: timedelta
    max_rows: int
    asked_by: str
    purpose: str


Order = Ack | Resend | Ask | Goodbye | Disable
