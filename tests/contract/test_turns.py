"""Writers to SQLite in one process: in turn, in the order they came, and none of them forgotten."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from threading import Thread

import pytest
from sqlalchemy import text

from vigie_server.domain.errors import StoreBusy
from vigie_server.store import database as databases
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.turns import Turns

LONG = 60.0


@contextmanager
def beside(*works: Callable[[], None]) -> Iterator[None]:
    """Threads that do this meanwhile; they are done when the block is left."""
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def until_waiting(turns: Turns, count: int) -> None:
    """Returns once so many threads wait; the test's own time limit ends a vain wait."""
    while turns.waiting != count:
        pass


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(sqlite_url(tmp_path / "store.db"))
    with made.writing() as connection:
        connection.execute(text("CREATE TABLE written (who TEXT)"))
    yield made
    made.close()


def turns_of(database: Database) -> Turns:
    assert database.turns is not None
    return database.turns


def writes(database: Database, who: str) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO written VALUES (:who)"), {"who": who})


def test_who_asked_first_is_next() -> None:
    turns, order = Turns(), list[int]()

    def asks(number: int) -> None:
        with turns.one(within=LONG):
            order.append(number)

    waiting = [Thread(target=asks, args=(number,)) for number in range(5)]
    with turns.one(within=0):
        for number, thread in enumerate(waiting, start=1):
            thread.start()
            until_waiting(turns, number)
    for thread in waiting:
        thread.join()

    assert order == [0, 1, 2, 3, 4]


def test_a_turn_that_does_not_come_in_time_is_waited_for_no_longer() -> None:
    turns = Turns()
    with turns.one(within=0):
        with pytest.raises(TimeoutError), turns.one(within=0.001):
            pass
        waiting = turns.waiting

    assert waiting == 0
    with turns.one(within=0):
        pass


def test_an_error_in_a_turn_ends_it() -> None:
    turns = Turns()
    with suppress(ValueError), turns.one(within=0):
        raise ValueError

    with turns.one(within=0):
        pass


def test_turns_that_come_as_they_are_given_up_are_not_lost_or_given_twice() -> None:
    turns, within, chance = Turns(), list[int](), Random(20261126)
    at_once: list[int] = []

    def works(waits: list[float]) -> None:
        for wait in waits:
            with suppress(TimeoutError), turns.one(within=wait):
                within.append(1)
                at_once.append(len(within))
                within.pop()

    plans = [[chance.choice((0, 1e-6, 1e-5, 1e-4)) for _ in range(500)] for _ in range(4)]
    with beside(*(partial(works, plan) for plan in plans)):
        pass

    assert set(at_once) == {1}
    with turns.one(within=0):
        pass


def test_a_writer_that_begins_again_at_once_comes_after_those_who_wait(
    database: Database,
) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO written VALUES ('first')"))
        other = Thread(target=writes, args=(database, "other"))
        other.start()
        until_waiting(turns_of(database), 1)
    writes(database, "again")
    other.join()

    with database.reading() as connection:
        written = connection.execute(text("SELECT who FROM written ORDER BY rowid")).scalars().all()
    assert written == ["first", "other", "again"]


def test_a_writer_whose_turn_does_not_come_is_told_that_the_store_is_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "BUSY_TIMEOUT_MS", 1)
    refused: list[str] = []

    def is_refused() -> None:
        try:
            writes(database, "other")
        except StoreBusy as error:
            refused.append(str(error))

    with database.writing(), beside(is_refused):
        while not refused:
            pass

    assert refused == ["the store cannot take it now: others write for long"]
    writes(database, "other")


def test_those_who_wait_to_write_leave_connections_to_readers(database: Database) -> None:
    many = databases.SQLITE_CONNECTIONS
    waiting = [Thread(target=writes, args=(database, "other")) for _ in range(many)]
    with database.writing():
        for thread in waiting:
            thread.start()
        until_waiting(turns_of(database), many)
        with database.reading() as connection:
            rows = connection.execute(text("SELECT count(*) FROM written")).scalar()
    for thread in waiting:
        thread.join()

    assert rows == 0
