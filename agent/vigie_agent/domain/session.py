"""What agent and server say to each other in a session, free of the wire.

`Limits`, `ServerConfig`, `LiveQuestion` and `LiveAnswer` are in `orders`: other parts use them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.snapshot import Snapshot

# --- From the device ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class About:
    """What this agent is: constant while its process lives, but for the engine's version."""

    agent_version: str
    engine: str
    engine_version: str
    platform: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a session."""

    about: About
    spool_id: bytes
    highest_seq: int
    config_digest: bytes
    store_epoch: bytes
    dropped: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A snapshot as it travels, or with `unchanged` its digest alone.

    `elapsed` since its collection is None when the boot clock cannot tell it.
    """

    snapshot: Snapshot
    unchanged: bool
    elapsed: timedelta | None


@dataclass(frozen=True, slots=True)
class Sending:
    """Snapshots of different topics on the wire, with the number of the last of them.

    `collected_at` is the first collection's. The boot clock tells `elapsed` of all, or of none.
    """

    seq: int
    collected_at: datetime
    sent_at: datetime
    told: tuple[Told, ...]

    @property
    def elapsed(self) -> timedelta | None:
        """Since the first collection."""
        spans = [told.elapsed for told in self.told if told.elapsed is not None]
        return max(spans, default=None)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life, with the number of snapshots that wait."""

    sent_at: datetime
    pending: int


Sent = Sending | Heartbeat | LiveAnswer

# --- From the server ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Intervals:
    """When to send a sign of life, whether to stay connected, and when to come back otherwise.

    A session that is lost is begun again anywhere within `reconnect`.
    """

    heartbeat: timedelta = timedelta(minutes=5)
    stay: bool = True
    visit: timedelta = timedelta(minutes=15)
    reconnect: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to Hello. `resume_after` is the last number that the server has committed.

    `questions` wait for this device: they are answered before a visit ends.
    """

    store_epoch: bytes
    resume_after: int
    limits: Limits = field(default_factory=Limits)
    max_in_flight: int = 16
    intervals: Intervals = field(default_factory=Intervals)
    config: ServerConfig | None = None
    server_time: datetime | None = None
    questions: tuple[LiveQuestion, ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """All up to `seq` is committed, or rejected for good for the reason given by number."""

    seq: int
    rejected: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resend:
    """Full snapshots of these topics are needed; of all topics when empty."""

    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenewNow:
    """The certificate must be renewed now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The session ends; come back after `retry_after`."""

    retry_after: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Disable:
    """The device is retired or revoked: stop, and keep nothing."""

    reason: str


Order = Ack | ServerConfig | Resend | LiveQuestion | RenewNow | Goodbye | Disable
