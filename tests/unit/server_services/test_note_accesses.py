"""Notes of what contractors look at: together, all or none, and never an answer without one."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

import pytest

from vigie_server.domain.errors import StoreBusy
from vigie_server.ports.accesses import AccessRow, Looked
from vigie_server.services.note_accesses import NoteAccesses

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Rows:
    """The `AccessStore` in memory; its first write lasts until it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.writes: list[Sequence[AccessRow]] = []
        self.told: dict[int, str] = {}
        self.began = Event()
        self.go = Event()
        self.busy = False
        if not held:
            self.go.set()

    def write(self, rows: Sequence[AccessRow]) -> Sequence[int]:
        self.writes.append(rows)
        self.began.set()
        self.go.wait(10)
        if self.busy:
            raise StoreBusy("the store cannot take it now")
        keys = [len(self.told) + place if row.key is None else row.key
                for place, row in enumerate(rows)]  # fmt: skip
        self.told.update({key: row.action for key, row in zip(keys, rows, strict=True)})
        return keys


def looked(actor: str, status: int = 200) -> Sequence[Looked]:
    return [Looked(f"api:{actor}", "GET", "/api/v1/devices", "Les Tilleuls", status)]


async def held_back(rows: Rows, notes: NoteAccesses, *actors: str) -> list[asyncio.Task[None]]:
    """The first actor's note is being written, and the others' wait."""
    first, *others = actors
    tasks = [asyncio.create_task(notes.request(looked(first), 1))]
    await asyncio.to_thread(rows.began.wait, 10)
    tasks += [asyncio.create_task(notes.request(looked(actor), 1)) for actor in others]
    await asyncio.sleep(0)  # each has begun to wait
    return tasks


async def test_requests_that_come_during_a_write_are_noted_by_the_next_one() -> None:
    rows = Rows(held=True)
    tasks = await held_back(rows, NoteAccesses(rows, lambda: NOW), "a", "b", "c", "b")

    rows.go.set()
    await asyncio.gather(*tasks)

    assert [len(written) for written in rows.writes] == [1, 2]
    assert sorted(rows.told.values()) == [
        "GET /api/v1/devices: 200, 1 request, 1 row",
        "GET /api/v1/devices: 200, 1 request, 1 row",
        "GET /api/v1/devices: 200, 2 requests, 2 rows",
    ]


async def test_a_busy_store_refuses_all_who_waited_together() -> None:
    rows = Rows(held=True)
    tasks = await held_back(rows, NoteAccesses(rows, lambda: NOW), "a", "b", "c")

    rows.busy = True
    rows.go.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(error) for error in ended] == [StoreBusy] * 3


async def test_what_was_refused_does_not_count_later() -> None:
    rows = Rows()
    notes = NoteAccesses(rows, lambda: NOW)
    rows.busy = True
    with pytest.raises(StoreBusy):
        await notes.request(looked("a"), 1)

    rows.busy = False
    await notes.request(looked("a"), 1)

    assert list(rows.told.values()) == ["GET /api/v1/devices: 200, 1 request, 1 row"]


async def test_a_cancelled_request_leaves_those_behind_it_noted() -> None:
    rows = Rows(held=True)
    first, *others = await held_back(rows, NoteAccesses(rows, lambda: NOW), "a", "b", "c")

    first.cancel()
    rows.go.set()
    await asyncio.gather(*others)

    assert [len(written) for written in rows.writes] == [1, 2]
    assert len(rows.told) == 3


async def test_requests_that_come_too_often_cost_one_write_a_minute() -> None:
    rows = Rows()
    notes = NoteAccesses(rows, lambda: NOW)

    for _ in range(5):
        await notes.request(looked("a", status=429), 0)

    assert len(rows.writes) == 1


def test_requests_that_are_answered_together_are_noted_by_one_write() -> None:
    rows = Rows()
    notes = NoteAccesses(rows, lambda: NOW)

    notes.together([(looked("a"), 3), (looked("b"), 1), (looked("a"), 2)])

    assert [len(written) for written in rows.writes] == [2]
    assert sorted(rows.told.values()) == [
        "GET /api/v1/devices: 200, 1 request, 1 row",
        "GET /api/v1/devices: 200, 2 requests, 5 rows",
    ]


def test_a_busy_store_refuses_requests_that_are_answered_together() -> None:
    rows = Rows()
    rows.busy = True

    with pytest.raises(StoreBusy):
        NoteAccesses(rows, lambda: NOW).together([(looked("a"), 1), (looked("b"), 1)])
