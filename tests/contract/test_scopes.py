"""A scope that is kept at hand is never one of other sites than it was asked for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event

from fakes.stored import NOW, STORES, opened_store
from vigie_server.store.database import Database
from vigie_server.store.models import Site
from vigie_server.store.scopes import LOOK_AGAIN, Scope, Scopes
from vigie_server.store.tables import table

SITE = table(Site)


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        yield opened


def add(database: Database, *names: str, minute: int = 0) -> list[int]:
    with database.writing() as connection:
        return [
            connection.execute(
                SITE.insert()
                .values(name=name, created_at=NOW + timedelta(minutes=minute))
                .returning(SITE.c.key)
            ).scalar_one()
            for name in names
        ]


def remove(database: Database, name: str) -> None:
    with database.writing() as connection:
        connection.execute(delete(SITE).where(SITE.c.name == name))


def seen(scopes: Scopes, database: Database, *names: str) -> Scope:
    with database.reading() as connection:
        return scopes.seen(connection, frozenset(names))


def test_a_scope_that_names_every_site_is_that_of_every_site(database: Database) -> None:
    add(database, "A", "B")

    assert seen(Scopes(), database, "A", "B") == Scope(None)


def test_a_site_that_is_new_is_outside_a_scope_that_named_every_site(database: Database) -> None:
    scopes = Scopes()
    a, b = add(database, "A", "B")
    seen(scopes, database, "A", "B")

    add(database, "C")

    assert set(seen(scopes, database, "A", "B").sites or ()) == {a, b}


def test_a_site_with_the_key_of_one_that_was_removed_is_outside_its_scope(
    database: Database,
) -> None:
    scopes = Scopes()
    add(database, "A", "B")
    assert seen(scopes, database, "B").sites is not None

    remove(database, "B")
    add(database, "C", minute=1)

    assert seen(scopes, database, "B").sites == ()


def test_a_scope_of_no_site_sees_nothing(database: Database) -> None:
    add(database, "A")

    assert seen(Scopes(), database).sites == ()
    assert seen(Scopes(), database, "elsewhere").sites == ()


def test_a_scope_in_a_store_without_sites_sees_nothing(database: Database) -> None:
    assert seen(Scopes(), database, "A").sites == ()


def test_whether_devices_are_few_is_looked_at_again(database: Database) -> None:
    now = 0.0
    scopes = Scopes(few=0, monotonic=lambda: now)
    add(database, "A", "B")
    first = seen(scopes, database, "A")

    assert seen(scopes, database, "A") is first
    now = LOOK_AGAIN
    assert seen(scopes, database, "A") is not first


def test_scopes_that_are_asked_for_no_more_are_let_go(database: Database) -> None:
    scopes = Scopes(kept=1)
    add(database, "A", "B", "C")
    first = seen(scopes, database, "A")

    seen(scopes, database, "B")

    assert seen(scopes, database, "A") is not first


def test_sites_are_looked_at_once_in_a_transaction_and_anew_in_the_next(
    database: Database,
) -> None:
    scopes = Scopes()
    a, b = add(database, "A", "B")
    statements: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def asked(*given: Any) -> None:
        statements.append(given[2])

    with database.reading() as connection:
        both = scopes.seen(connection, frozenset({"A", "B"}))
        one = scopes.seen(connection, frozenset({"A"}))
    looks = [statement for statement in statements if "max(key)" in statement]
    add(database, "C")

    assert len(looks) == 1
    assert (both, one.sites) == (Scope(None), (a,))
    assert set(seen(scopes, database, "A", "B").sites or ()) == {a, b}
