"""What becomes of a snapshot between its collection and its commit by the server.

What every spool keeps:
- Order is by sequence number, never by a clock. Numbers only rise; one is never given twice.
- A snapshot leaves for one of three reasons: the server committed it, the server rejected it for
  good, or there was no room and a newer snapshot of the same topic is kept.
- The newest snapshot of each topic stays, even after its commit: the server may ask for it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from vigie_agent.domain.snapshot import Report, Snapshot

SPOOL_ID_BYTES: Final = 16


class State(StrEnum):
    """Where one snapshot stands."""

    PENDING = auto()  # durable, not sent
    IN_FLIGHT = auto()  # sent, not acknowledged
    ACKED = auto()  # the server has committed it: forgotten, its digest kept
    REFUSED = auto()  # the server can never accept it: forgotten, its digest not kept
    SUPERSEDED = auto()  # no room, and a newer snapshot of the topic is kept: counted and told


class Event(StrEnum):
    """What happens to it."""

    SENT = auto()
    COMMITTED = auto()
    REJECTED = auto()
    LINK_LOST = auto()
    NO_ROOM = auto()


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.PENDING, Event.SENT): State.IN_FLIGHT,
    # The server may say after a lost link, or a killed agent, what it had committed before.
    (State.PENDING, Event.COMMITTED): State.ACKED,
    (State.PENDING, Event.NO_ROOM): State.SUPERSEDED,
    (State.IN_FLIGHT, Event.COMMITTED): State.ACKED,
    (State.IN_FLIGHT, Event.REJECTED): State.REFUSED,
    (State.IN_FLIGHT, Event.LINK_LOST): State.PENDING,
}
"""A pair that is missing is a bug: KeyError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One snapshot on its way: its sequence number, and a report that holds it alone.

    `full`: the server asked for it, so it travels with its rows even if its digest is known.
    """

    seq: int
    report: Report
    full: bool = False

    @property
    def snapshot(self) -> Snapshot:
        """The entry's one snapshot."""
        return self.report.snapshots[0]
