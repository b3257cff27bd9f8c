"""One of several servers leads; who lost the lead writes nothing of the scheduled work."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.stored import STORES, opened_store
from vigie_server.domain.errors import StoreBusy
from vigie_server.store.database import Database
from vigie_server.store.leases import LOCK, Alone, PostgresLease, lease_of
from vigie_server.store.postgres import Terms

TOLD = STORES[1:]
KEY_OF_LOCK = {"upper": LOCK >> 32, "lower": LOCK & 0xFFFFFFFF}


@pytest.fixture(params=TOLD)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def other(shared: Database) -> Iterator[Database]:
    """The same store, as another server opens it; it waits for no lock."""
    opened = Database(shared.url, Terms(lock_within=timedelta(milliseconds=50), retries=0))
    yield opened
    opened.close()


Contenders = tuple[tuple[PostgresLease, Database], tuple[PostgresLease, Database]]


@pytest.fixture
def contenders(shared: Database, other: Database) -> Iterator[Contenders]:
    """The lead as each server sees it, and the store as its scheduled work writes to it."""
    (one, first), (two, second) = lease_of(shared), lease_of(other)
    assert isinstance(one, PostgresLease)
    assert isinstance(two, PostgresLease)
    yield (one, first), (two, second)
    one.give_up()
    two.give_up()


def cut(database: Database) -> None:
    """Ends the connection that holds the lead, as a lost network or a restart does."""
    with database.writing() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' "
                "AND classid = :upper AND objid = :lower AND granted"
            ),
            KEY_OF_LOCK,
        )


def _since_14(database: Database) -> None:
    with database.reading() as connection:
        release = connection.dialect.server_version_info
    if release is not None and release < (14,):
        pytest.skip("PostgreSQL 13 ends no connection for being silent")


def note(database: Database, name: str) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO meta VALUES (:name, 'x')"), {"name": name})


def noted(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(text("SELECT name FROM meta WHERE value = 'x'")).scalars())


def test_one_takes_the_lead_and_the_other_when_it_is_given_up(
    contenders: Contenders,
) -> None:
    (one, _), (two, _) = contenders

    assert (one.take(), two.take()) == (True, False)
    assert (one.held(), two.held()) == (True, False)

    one.give_up()

    assert (two.take(), one.take()) == (True, False)


def test_a_lead_whose_connection_is_lost_can_be_taken(
    shared: Database, contenders: Contenders
) -> None:
    (one, _), (two, _) = contenders
    assert one.take()

    cut(shared)

    assert not one.held()
    assert two.take()
    assert not one.take()


def test_the_lead_of_a_server_that_hangs_can_be_taken_and_it_learns_of_it(
    shared: Database, other: Database
) -> None:
    _since_14(shared)
    (one, first), (two, _) = (
        lease_of(opened, hung=timedelta(milliseconds=100)) for opened in (shared, other)
    )
    assert one.take()

    while not two.take():
        """It has not been silent for long enough."""

    with pytest.raises(StoreBusy, match="another server leads"):
        note(first, "when it went on")
    assert not one.held()
    for lease in (one, two):
        lease.give_up()


def test_who_lost_the_lead_without_knowing_it_writes_nothing(
    shared: Database, contenders: Contenders
) -> None:
    (one, first), (two, second) = contenders
    assert one.take()
    note(first, "while it led")
    cut(shared)
    assert two.take()

    with pytest.raises(StoreBusy, match="another server leads"):
        note(first, "afterwards")
    note(second, "by the one that leads")

    assert noted(shared) == {"while it led", "by the one that leads"}


def test_a_new_leader_waits_for_what_the_former_one_is_just_writing(
    shared: Database, contenders: Contenders
) -> None:
    (one, first), (two, _) = contenders
    assert one.take()
    with first.writing() as connection:
        cut(shared)
        connection.execute(text("INSERT INTO meta VALUES ('late', 'x')"))

        with pytest.raises(StoreBusy):
            two.take()

    assert two.take()
    assert noted(shared) == {"late"}


def test_a_store_of_one_server_needs_no_lead(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as database:
        lease, fenced = lease_of(database)

        assert isinstance(lease, Alone)
        assert fenced is database
