"""Connections to a real PostgreSQL: every wait ends, what met another goes on, commits last."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import Connection, make_url, text

from fakes.postgres import PostgresServer, own_postgres, postgres_url
from vigie_server.domain.errors import SettingsMalformed, StoreBusy
from vigie_server.store.database import Database
from vigie_server.store.postgres import Terms

SOON = timedelta(milliseconds=50)


def opened(terms: Terms = Terms(), url: str | None = None) -> Database:  # noqa: B008 (frozen)
    return Database(url or postgres_url(), terms)


@pytest.fixture
def rows() -> Iterator[Database]:
    """A store with two rows to fight over."""
    database = opened()
    with database.writing() as connection:
        connection.execute(text("DROP TABLE IF EXISTS fought_over"))
        connection.execute(text("CREATE TABLE fought_over (key int PRIMARY KEY, n int NOT NULL)"))
        connection.execute(text("INSERT INTO fought_over VALUES (1, 0), (2, 0)"))
    yield database
    with database.writing() as connection:
        connection.execute(text("DROP TABLE fought_over"))
    database.close()


def raised(connection: Connection, key: int) -> None:
    connection.execute(text("UPDATE fought_over SET n = n + 1 WHERE key = :key"), {"key": key})


def counts(database: Database) -> list[int]:
    with database.reading() as connection:
        found = connection.execute(text("SELECT n FROM fought_over ORDER BY key"))
        return list(found.scalars())


def meet(database: Database) -> list[int | StoreBusy]:
    """Two transactions that each hold what the other needs: how often they began, or why not."""
    both_hold_one, one_is_through = Barrier(2), Event()
    ended: list[int | StoreBusy] = []

    def in_order(keys: tuple[int, int]) -> None:
        begun = 0

        def transaction() -> None:
            nonlocal begun
            begun += 1
            if begun > 1:  # or it might meet the same one again before that commits
                one_is_through.wait()
            with database.writing() as connection:
                raised(connection, keys[0])
                if begun == 1:
                    both_hold_one.wait()
                raised(connection, keys[1])

        try:
            database.retry(transaction)
            ended.append(begun)
            one_is_through.set()
        except StoreBusy as error:
            ended.append(error)

    threads = [Thread(target=in_order, args=(keys,)) for keys in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def test_a_transaction_that_lost_to_another_is_done_again_once(rows: Database) -> None:
    ended = meet(rows)

    assert sorted(map(str, ended)) == ["1", "2"]
    assert counts(rows) == [2, 2]


def test_without_retries_the_loser_is_told_that_the_store_is_busy(rows: Database) -> None:
    with closing(opened(Terms(retries=0))) as impatient:
        ended = meet(impatient)

    assert sorted(type(one).__name__ for one in ended) == ["StoreBusy", "int"]
    assert counts(rows) == [1, 1]


def test_what_another_holds_is_waited_for_no_longer_than_the_setting(rows: Database) -> None:
    hasty = opened(Terms(lock_within=SOON))
    begun = []

    def transaction() -> None:
        begun.append(1)
        with hasty.writing() as connection:
            raised(connection, 1)

    with rows.writing() as connection:
        raised(connection, 1)
        with pytest.raises(StoreBusy, match="lock timeout"):
            hasty.retry(transaction)
    hasty.close()

    assert counts(rows) == [1, 0]
    assert begun == [1]  # it has waited already


def test_a_statement_takes_no_longer_than_the_setting() -> None:
    hasty = opened(Terms(statement_within=timedelta(seconds=1)))  # the next one has as long

    with pytest.raises(StoreBusy, match="statement timeout"), hasty.reading() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    with hasty.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    hasty.close()


def test_who_finds_every_connection_in_use_is_told_so() -> None:
    narrow = opened(Terms(connections=1, connect_within=SOON))

    with narrow.reading(), pytest.raises(StoreBusy, match="in use"), narrow.reading():
        pass
    narrow.close()


def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = opened(Terms(connect_within=SOON), f"postgresql://vigie@127.0.0.1:{port}/x")

        with pytest.raises(StoreBusy), database.reading():
            pass
    database.close()


def test_a_reader_sees_one_moment_in_all_its_statements_and_writes_nothing(rows: Database) -> None:
    with rows.reading() as connection:
        before = connection.execute(text("SELECT sum(n) FROM fought_over")).scalar_one()
        with rows.writing() as other:
            raised(other, 1)
        after = connection.execute(text("SELECT sum(n) FROM fought_over")).scalar_one()
    with pytest.raises(Exception, match="takes no writes"), rows.reading() as connection:
        raised(connection, 1)

    assert (before, after) == (0, 0)
    assert counts(rows) == [1, 0]


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    with own_postgres() as server:
        yield server


def one(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(text("SELECT 1")).scalar_one())


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_connections_to_a_server_that_went_away_and_is_back_are_made_anew(
    own: PostgresServer, mode: str
) -> None:
    own.start()
    with closing(opened(url=own.url)) as database:
        with database.reading(), database.reading():  # two that are kept
            pass
        own.stop(mode)
        own.start()

        assert [one(database), one(database), one(database)] == [1, 1, 1]


def test_a_standby_is_passed_over_for_who_takes_writes_and_away_where_it_is_alone(
    own: PostgresServer,
) -> None:
    primary = make_url(postgres_url())
    hosts = (f"127.0.0.1:{own.port}", f"{primary.host or '127.0.0.1'}:{primary.port or 5432}")
    several = primary.set(host=None, port=None).update_query_dict({"host": hosts})
    own.start()
    with closing(opened(url=own.url)) as alone:
        assert one(alone) == 1
        own.stop()
        own.become_standby()
        own.start()

        for way in (alone.reading, alone.looking, alone.writing):
            with pytest.raises(StoreBusy, match="cannot be reached"), way() as connection:
                connection.execute(text("SELECT 1"))
        found = opened(url=several.render_as_string(hide_password=False))
        with closing(found), found.writing() as connection:
            port = connection.execute(text("SHOW port")).scalar_one()
        assert port == str(primary.port or 5432)

        own.execute("SELECT pg_promote()")
        assert one(alone) == 1


def test_a_connection_on_which_nothing_came_is_not_asked_whether_it_stands(
    rows: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(rows.engine.dialect, "do_ping", asked.append)

    assert one(rows) == one(rows) == 1
    assert asked == []


def test_a_look_is_one_statement_without_a_transaction_and_leaves_the_next_reader_one(
    rows: Database,
) -> None:
    found = []
    for way in (rows.looking, rows.reading, rows.looking):
        with way() as connection:
            connection.execute(text("SELECT n FROM fought_over"))
            found.append(connection.connection.dbapi_connection.info.transaction_status.name)  # type: ignore[union-attr]

    assert found == ["IDLE", "INTRANS", "IDLE"]


def test_a_commit_is_on_the_disk_even_where_the_server_would_not_wait_for_it(
    own: PostgresServer,
) -> None:
    own.start(synchronous_commit="off")
    database = opened(url=own.url)
    with database.writing() as connection:
        lasting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
    database.close()

    assert lasting == "on"


def test_a_stronger_promise_of_the_server_stands(own: PostgresServer) -> None:
    own.start(synchronous_commit="remote_apply")
    database = opened(url=own.url)
    with database.writing() as connection:
        lasting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
    database.close()

    assert lasting == "remote_apply"


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "vigie.db", "postgresql+psycopg2://a@b/c"])
def test_the_url_of_another_database_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingsMalformed) as told:
        Database(url)

    assert "postgresql+psycopg://" in str(told.value)
    assert "secret" not in str(told.value)
