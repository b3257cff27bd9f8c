"""Who stays connected, when the others come back, and how a crowd is spread.

A fleet that was sent away at one instant, or lost its server at one instant, must not return at one
instant: each device is told a moment of its own in a window as long as the crowd needs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

STREAM_BYTES: Final = 160 * 1024
"""What a held stream takes: gRPC's connection, TLS, the session. Measured, see docs/performance."""
MEMORY_FOR_STREAMS: Final = 0.25
"""The part of the memory that held streams may take where nobody says how many to hold."""
MOST_HELD: Final = 40_000
"""As many as one core hears at a heartbeat a minute, with room."""

OTHER_FILES: Final = 256
"""Open files of a process beside its devices' connections: the store, readers, those of its own."""
FEWEST_CONNECTIONS: Final = 8
"""Files for connections without which there is no use in serving."""
_HELD_SHARE: Final = 4
_VISITED_SHARE: Final = 2

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def places_in(memory_bytes: int) -> int:
    """How many streams to hold on a machine with so much memory."""
    return min(int(memory_bytes * MEMORY_FOR_STREAMS) // STREAM_BYTES, MOST_HELD)


@dataclass(frozen=True, slots=True)
class Places:
    """How many devices stay connected, and how many may be connected beside them.

    The enrolment port takes as many connections as there are `visitors`, too.
    """

    held: int
    visitors: int

    @property
    def files(self) -> int:
        """How many files a process must be able to open for them: a connection is one."""
        return OTHER_FILES + self.held + 2 * self.visitors

    def within(self, files: int) -> "Places":
        """As many of these places as so many open files have room for.

        A process without a file left can neither write nor answer: devices never take the last.
        Raises ValueError when there is room for hardly any.
        """
        room = files - OTHER_FILES
        if room < FEWEST_CONNECTIONS:
            raise ValueError(f"{OTHER_FILES + FEWEST_CONNECTIONS} open files are needed")
        share = _HELD_SHARE if self.held else _VISITED_SHARE
        visitors = min(self.visitors, room // share)
        return Places(min(self.held, room - 2 * visitors), visitors)


def until_next_visit(device_id: str, now: datetime, period: timedelta) -> timedelta:
    """How long until the device's own moment in the period, about one period away.

    The moment is a device's for good, whatever process it asks, so a fleet that came at once is
    spread again after one visit. Between half a period and one and a half.
    """
    digest = blake2b(device_id.encode(), digest_size=8).digest()
    own = period * (int.from_bytes(digest, "big") / 2**64)
    left = (own - (now - _EPOCH)) % period
    return left if left >= period / 2 else left + period


def window(count: int, per_second: float) -> timedelta:
    """How long so many devices take to come at this rate."""
    return timedelta(seconds=count / per_second)


@dataclass(slots=True)
class Returns:
    """Moments to come back at, given away one after another, `1 / per_second` apart.

    So no span of time holds more of them than it has room for, whatever sends the devices away and
    however many there are: chance has no part in it. No wait is longer than the shortest one and
    `longest`: a crowd that needs more time shares the moments of one `longest`, in turn.
    """

    per_second: float
    longest: timedelta
    _ahead: timedelta = timedelta(0)
    _at: datetime = _EPOCH

    def wait(self, now: datetime, *, shortest: timedelta) -> timedelta:
        """Until the next moment that is free, `shortest` from now or later."""
        passed = max(now - self._at, timedelta(0))  # a clock that is set back frees nothing
        ahead = max(self._ahead - passed, shortest)
        self._at, self._ahead = now, ahead + window(1, self.per_second)
        return shortest + (ahead - shortest) % self.longest
