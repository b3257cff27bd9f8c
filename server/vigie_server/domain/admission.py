"""Who stays connected, when the others come back, and how a crowd is spread. `share` is random.

A fleet that was sent away at one instant, or lost its server at one instant, must not return at one
instant: every span told to a device is its own part of a window as long as the crowd needs.
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

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def places_in(memory_bytes: int) -> int:
    """How many streams to hold on a machine with so much memory."""
    return min(int(memory_bytes * MEMORY_FOR_STREAMS) // STREAM_BYTES, MOST_HELD)


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
class TurnedAway:
    """Devices that were told to come back, and how many of them are still to come."""

    per_second: float
    shortest: timedelta
    longest: timedelta
    _count: float = 0.0
    _at: datetime = _EPOCH

    def retry_after(self, now: datetime, *, share: float) -> timedelta:
        """The wait of one more: its share of the time that all who wait will need."""
        passed = max((now - self._at).total_seconds(), 0.0)
        self._count = max(self._count - passed * self.per_second, 0.0) + 1
        self._at = now
        spread = window(int(self._count), self.per_second) * share
        return self.shortest + min(spread, self.longest)
