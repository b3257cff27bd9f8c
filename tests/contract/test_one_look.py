"""What a thread reads in one look at the store is of one moment."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select

from fakes.stored import STORES, a_token, opened_store
from vigie_server.store.database import Database
from vigie_server.store.models import EnrolmentToken
from vigie_server.store.tables import table

TOKEN = table(EnrolmentToken)


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        yield opened


def tokens(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(TOKEN)).scalar_one())


def test_readings_in_one_look_see_one_moment_over_sqlite_and_the_newest_after(
    database: Database,
) -> None:
    with database.one_look():
        seen = [tokens(database)]
        a_token(database)  # written by another connection
        seen.append(tokens(database))

    assert seen == ([0, 0] if database.is_sqlite else [0, 1])
    assert tokens(database) == 1


def test_a_look_is_of_its_thread_alone(database: Database) -> None:
    elsewhere: list[int] = []
    with database.one_look():
        tokens(database)
        a_token(database)
        other = Thread(target=lambda: elsewhere.append(tokens(database)))
        other.start()
        other.join()

    assert elsewhere == [1]


def test_a_look_that_ended_badly_is_over(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.one_look():
        _ = 1 // tokens(database)

    a_token(database)

    assert tokens(database) == 1
