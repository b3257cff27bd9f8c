"""Notes what contractors look at: at once, and one row of the audit a minute for each way.

A robot that goes through a list adds to the row of that minute instead of making one a page. Each
server has rows of its own. Requests that are refused for coming too often are counted once a
minute, so that they cost no write each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from threading import Lock
from typing import Final

from vigie_server.domain.plurals import counted
from vigie_server.ports.accesses import AccessStore, Looked

DEVICES_NAMED: Final = 20


@dataclass(slots=True)
class _Minute:
    key: int
    at: datetime
    requests: int
    rows: int
    devices: set[str] = field(default_factory=set)


class NoteAccesses:
    """The `NotesAccesses` of a server."""

    def __init__(self, store: AccessStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lock = Lock()
        self._minute: datetime | None = None
        self._held: dict[tuple[str, str, str, str, int], _Minute] = {}

    def request(self, looked: Looked, rows: int) -> None:
        """Notes a request before it is answered. Raises StoreBusy."""
        with self._lock:
            self._note(looked, 1, rows)

    def more_rows(self, looked: Looked, rows: int) -> None:
        """Adds rows that a stream gave after it had begun. Raises StoreBusy."""
        with self._lock:
            self._note(looked, 0, rows)

    def _note(self, looked: Looked, requests: int, rows: int) -> None:
        now = self._now()
        minute = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._held = minute, {}
        way = (looked.actor, looked.method, looked.route, looked.site, looked.status)
        held = self._held.get(way)
        if held is None:
            held = _Minute(0, now, 0, 0)
        held.requests += requests
        held.rows += rows
        if looked.device and len(held.devices) < DEVICES_NAMED:
            held.devices.add(looked.device)
        told = _told(looked, held)
        if way not in self._held:
            held.key = self._store.begin(now, looked.actor, told, looked.site)
            self._held[way] = held
        elif looked.status != HTTPStatus.TOO_MANY_REQUESTS:
            self._store.grow(held.key, held.at, told)


def _told(looked: Looked, held: _Minute) -> str:
    devices = f"; devices {', '.join(sorted(held.devices))}" if held.devices else ""
    return (
        f"{looked.method} {looked.route}: {looked.status}, "
        f"{counted(held.requests, 'request|requests')}, {counted(held.rows, 'row|rows')}{devices}"
    )
