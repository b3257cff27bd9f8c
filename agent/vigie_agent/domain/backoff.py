"""How long to wait before the server is tried again. `jitter` is a number from 0 up to 1.

Full jitter: each wait is anywhere between nothing and a bound that doubles. Thousands of agents
that lost the server in one second do not find it again in one second. A server that can still speak
tells each of them a moment of its own, and that one is kept.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.domain.session import Intervals

_SMALLEST: Final = timedelta(milliseconds=500)
_VISIT_SPREAD: Final = 0.2
_ASKED_SPREAD: Final = timedelta(seconds=2)
_DOUBLINGS: Final = 32


@dataclass(frozen=True, slots=True)
class Backoff:
    """Bounds that double from `first` up to `longest`."""

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=5)

    def wait(self, failures: int, *, jitter: float) -> timedelta:
        """The wait after this many failures in a row, the last one included."""
        doublings = min(max(failures - 1, 0), _DOUBLINGS)
        bound = min(self.first * (1 << doublings), self.longest)
        return max(bound * jitter, _SMALLEST)

    def told(self, intervals: Intervals) -> "Backoff":
        """As the server's own crowd needs it.

        Devices that come back at their visit may wait as long when they find no server: all of them
        then return within one period, at no more than twice the rate of any other. Those who stayed
        take up to `reconnect` for their first attempt.
        """
        longest = self.longest if intervals.stay else max(self.longest, intervals.visit)
        return Backoff(min(max(self.first, intervals.reconnect), longest), longest)


def as_asked(retry_after: timedelta, *, jitter: float) -> timedelta:
    """The wait that a server asked for, at least, and up to two seconds or twice as long.

    The server spreads those whom it sends away. What is added spreads those whom an older one told
    the same, and is short: more would undo the server's order.
    """
    asked = max(retry_after, _SMALLEST)
    return asked + min(asked, _ASKED_SPREAD) * jitter


def between_visits(visit: timedelta, *, jitter: float) -> timedelta:
    """The wait before the next visit, a tenth more or less, so that a fleet stays spread."""
    return max(visit * (1 - _VISIT_SPREAD / 2 + _VISIT_SPREAD * jitter), _SMALLEST)
