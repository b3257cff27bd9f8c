"""What contractors look at, noted in the audit: a row a minute for each way, however often."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Looked:
    """One request of a contractor: who, by which route (its template), at which site, how answered.

    `device` is empty where the route is of no device.
    """

    actor: str
    method: str
    route: str
    site: str
    status: int
    device: str = ""


class NotesAccesses(Protocol):
    """Keeps what was looked at. Blocking: call it from a worker thread."""

    def request(self, looked: Looked, rows: int) -> None:
        """Notes a request before it is answered. Raises StoreBusy."""
        ...

    def more_rows(self, looked: Looked, rows: int) -> None:
        """Adds rows that a stream gave after it had begun. Raises StoreBusy."""
        ...


class AccessStore(Protocol):
    """Rows of the audit that grow for a minute. Blocking: call it from a worker thread."""

    def begin(self, at: datetime, actor: str, action: str, subject: str) -> int:
        """Adds a row; gives its key."""
        ...

    def grow(self, key: int, at: datetime, action: str) -> None:
        """Says the row anew."""
        ...
