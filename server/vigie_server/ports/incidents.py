"""Incident logs, as people write and read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vigie_server.domain.incident_log import Entry, NewEntry
from vigie_server.ports.declaring import Act


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What a check of a site's log found. `broken_at` is the first entry that is not as recorded.

    `missing` counts entries that the audit knows and that the log no longer has at its end.
    """

    entries: int
    head: str
    broken_at: int | None
    missing: int

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.broken_at is None and self.missing == 0


class IncidentLog(Protocol):
    """The logs of sites: entries are added and read. Blocking: call it from a worker thread."""

    def append(self, site: str, given: NewEntry, act: Act) -> tuple[Entry, bool]:
        """The entry, and whether it is new: the same instant, person and text are one entry.

        Raises NotFound.
        """
        ...

    def entries(self, site: str) -> Sequence[Entry]:
        """In order. Raises NotFound."""
        ...

    def check(self, site: str) -> LogCheck:
        """Raises NotFound."""
        ...
