"""What the store forgets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol


class ForgettingStore(Protocol):
    """Erases what is past its time. Blocking: call it from the writing thread.

    Every method raises StoreBusy when the store cannot answer.
    """

    def answers(
        self, kept: Mapping[str, timedelta], other: timedelta, *, now: datetime, bite: int
    ) -> int:
        """Erases answers by the time their topic keeps them; gives how many, at most `bite`.

        `other` is the time for topics that are not declared: a site's own packs.
        """
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
