"""How many devices held each verdict of a rule at the end of each day. All block."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import RuleTally


@dataclass(frozen=True, slots=True)
class DayOfRule:
    """What a rule came to at the end of a day (UTC), or comes to now if that is today."""

    day: date
    tally: RuleTally


class RuleDays(Protocol):
    """Reads the days of a rule."""

    def days(self, rule: str, sites: Sites, *, since: date, today: date) -> Sequence[DayOfRule]:
        """Every day from `since` to today, the oldest first, over the sites that are seen.

        It begins later where nothing was recorded that early; today is always there, as it stands.
        Raises StoreBusy.
        """
        ...


@dataclass(frozen=True, slots=True)
class SitesBetween:
    """Sites by their keys: from `first` to `last`, both included."""

    first: int
    last: int


class RuleDayStore(Protocol):
    """Records days that have ended. Every method raises StoreBusy when the store cannot answer."""

    def waiting(self, day: date) -> Sequence[SitesBetween]:
        """The sites, few by few, whose counts at the end of this day are to be recorded.

        None where this day, or a later one that is not to come, was recorded whole. From a thread
        that reads.
        """
        ...

    def record(self, day: date, sites: SitesBetween, *, kept_from: date) -> int:
        """Records these sites' counts that differ from those before; gives how many.

        Forgets what is older than `kept_from`, but for the counts that still held then. From the
        thread that writes.
        """
        ...

    def recorded(self, day: date) -> None:
        """All sites were recorded for this day. From the thread that writes."""
        ...
