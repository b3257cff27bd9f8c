"""Notes what contractors look at: at once, and one row of the audit a minute for each way.

A robot that goes through a list adds to the row of that minute instead of making one a page, and
requests that come while a note is being written are noted together by the next: one flush to the
disk serves all who wait. Each server has rows of its own. Requests that are refused for coming too
often are counted once a minute, so that they cost no write each.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import Lock
from typing import Final

from vigie_server.domain.errors import VigieError
from vigie_server.domain.plurals import counted
from vigie_server.ports.accesses import AccessRow, AccessStore, Looked

DEVICES_NAMED: Final = 20

Way = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class _Minute:
    """What one way came to in this minute; `key` is None until it has a row."""

    key: int | None
    at: datetime
    requests: int = 0
    rows: int = 0
    devices: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Note:
    """Something to be noted, and how that ended."""

    looked: Sequence[Looked]
    requests: int
    rows: int
    ended: bool = False
    error: VigieError | None = None


class NoteAccesses:
    """The `NotesAccesses` of a server."""

    def __init__(self, store: AccessStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting: list[_Note] = []
        self._turn = asyncio.Lock()
        self._lock = Lock()
        self._minute: datetime | None = None
        self._held: dict[Way, _Minute] = {}

    async def request(self, looked: Sequence[Looked], rows: int) -> None:
        """Returns once the request is noted: answer it then. Raises StoreBusy."""
        await self._noted(_Note(looked, 1, rows))

    def together(self, requests: Sequence[tuple[Sequence[Looked], int]]) -> None:
        """Notes requests and the rows that each was given, all or none. Blocking.

        Answer them when it returns. Raises StoreBusy.
        """
        notes = [_Note(looked, 1, rows) for looked, rows in requests]
        self._write(notes)
        for note in notes:
            if note.error is not None:
                raise note.error

    async def more_rows(self, looked: Sequence[Looked], rows: int) -> None:
        """Adds rows that a stream gave after it had begun. Raises StoreBusy."""
        await self._noted(_Note(looked, 0, rows))

    async def _noted(self, note: _Note) -> None:
        self._waiting.append(note)
        async with self._turn:
            while not note.ended:  # whoever had the turn before did not take it along
                together, self._waiting = self._waiting, []
                await asyncio.to_thread(self._write, together)
        if note.error is not None:
            raise note.error

    def _write(self, notes: Sequence[_Note]) -> None:
        """Notes them all, or none: each is told."""
        with (
            self._lock
        ):  # the turn goes on when a request is cancelled, and its thread does not end
            try:
                if notes:
                    self._write_together(notes)
            except VigieError as error:
                for note in notes:
                    note.error = error
            finally:
                for note in notes:
                    note.ended = True

    def _write_together(self, notes: Sequence[_Note]) -> None:
        now = self._now()
        minute = now.replace(second=0, microsecond=0)
        held = self._held if minute == self._minute else {}
        grown: dict[Way, _Minute] = {}
        for note in notes:
            for looked in note.looked:
                way = (looked.actor, looked.method, looked.route, looked.site, looked.status)
                before = grown.get(way) or held.get(way) or _Minute(None, now)
                grown[way] = _with(before, looked, note)
        written = [
            way
            for way, found in grown.items()
            if found.key is None or way[-1] != HTTPStatus.TOO_MANY_REQUESTS
        ]
        rows = [_row(way, grown[way]) for way in written]
        keys = self._store.write(rows) if rows else []
        for way, key in zip(written, keys, strict=True):
            found = grown[way]
            grown[way] = _Minute(key, found.at, found.requests, found.rows, found.devices)
        held.update(grown)
        self._minute, self._held = minute, held


def _with(before: _Minute, looked: Looked, note: _Note) -> _Minute:
    devices = before.devices
    if looked.device and len(devices) < DEVICES_NAMED:
        devices |= {looked.device}
    return _Minute(
        before.key, before.at, before.requests + note.requests, before.rows + note.rows, devices
    )


def _row(way: Way, found: _Minute) -> AccessRow:
    actor, method, route, site, status = way
    devices = f"; devices {', '.join(sorted(found.devices))}" if found.devices else ""
    told = (
        f"{method} {route}: {status}, {counted(found.requests, 'request|requests')}, "
        f"{counted(found.rows, 'row|rows')}{devices}"
    )
    return AccessRow(found.key, found.at, actor, told, site)
