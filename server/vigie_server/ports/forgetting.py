"""What the store forgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vigie_server.ports.sessions import Place


@dataclass(frozen=True, slots=True)
class PastAnswers:
    """Where answers are that were last true before an instant."""

    before: datetime
    places: Sequence[Place]


class ForgettingStore(Protocol):
    """Erases what is past its time. Blocking: call it from the thread that writes.

    Every method raises StoreBusy when the store cannot answer.
    """

    def past_answers(
        self, kept: Mapping[str, timedelta], other: timedelta, *, now: datetime, bite: int
    ) -> Sequence[PastAnswers]:
        """Answers past the time that their topic keeps them, at most `bite`.

        `other` is the time for topics that are not declared: a site's own packs. It may take
        seconds, and writes nothing: call it from a thread that reads.
        """
        ...

    def erase_answers(self, past: Sequence[PastAnswers]) -> int:
        """Erases these, but for those that were confirmed since; gives how many."""
        ...

    def history(
        self, *, transitions: datetime, audit: datetime, rejected: datetime, bite: int
    ) -> int:
        """Erases what happened before these instants; gives how many, at most `bite` a kind."""
        ...

    def months(self, *, now: datetime, transitions: datetime, audit: datetime) -> Sequence[str]:
        """Where history has months: makes those to come, drops those that ended before; names.

        Raises StoreRefused when the store does not let us.
        """
        ...
