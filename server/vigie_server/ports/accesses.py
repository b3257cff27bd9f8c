"""What contractors look at, noted in the audit: a row a minute for each way, however often."""

from collections.abc import Sequence
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
    """Keeps what was looked at. One request may be of several sites."""

    async def request(self, looked: Sequence[Looked], rows: int) -> None:
        """Returns once the request is noted: answer it then. Raises StoreBusy."""
        ...

    def together(self, requests: Sequence[tuple[Sequence[Looked], int]]) -> None:
        """Notes requests and the rows that each was given, all or none. Blocking.

        Answer them when it returns. Raises StoreBusy.
        """
        ...

    async def more_rows(self, looked: Sequence[Looked], rows: int) -> None:
        """Adds rows that a stream gave after it had begun. Raises StoreBusy."""
        ...


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A row of the audit that grows for a minute. `key` is None until it is stored."""

    key: int | None
    at: datetime
    actor: str
    action: str
    subject: str


class AccessStore(Protocol):
    """Rows of the audit that grow for a minute. Blocking: call it from a worker thread."""

    def write(self, rows: Sequence[AccessRow]) -> Sequence[int]:
        """Adds rows that have no key and says the others anew, all or none; gives their keys."""
        ...
