"""What the databases' errors are to us: what passes is busy, a fault of ours is none of that."""

import sqlite3

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from fakes.stored import STORES
from vigie_server.domain.errors import StoreBusy, StoreMisused, StoreRefused, VigieError
from vigie_server.store.database import Database
from vigie_server.store.failures import failures_as_ours

ON_POSTGRESQL = pytest.mark.parametrize("database", STORES[1:], indirect=True)
"""SQLite has no accounts, and no standby that takes its place."""


@pytest.mark.parametrize(
    "statement", ["SELECT colour FROM device", "SELECT * FROM nosuch", "SELEKT 1"]
)
def test_what_the_store_does_not_understand_is_a_fault_and_not_tried_again(
    database: Database, statement: str
) -> None:
    with (
        structlog.testing.capture_logs() as logs,
        pytest.raises(StoreMisused) as told,
        database.writing() as connection,
    ):
        connection.execute(text(statement + " -- :value"), {"value": "PF-1"})

    assert not told.value.retryable
    (line,) = [line for line in logs if line["event"] == "store_misused"]
    assert any(word in line["error"] for word in ("colour", "nosuch", "SELEKT"))
    assert "PF-1" not in line["error"] + str(told.value)


def test_a_row_against_the_rules_is_refused_and_no_fault_of_a_statement(database: Database) -> None:
    twice = text("INSERT INTO meta (name, value) VALUES ('twice', ''), ('twice', '')")

    with pytest.raises(StoreRefused) as told, database.writing() as connection:
        connection.execute(twice)

    assert type(told.value) is StoreRefused


@ON_POSTGRESQL
def test_what_the_account_may_not_do_is_told_with_what_it_lacks(database: Database) -> None:
    denied = text(
        "DO $$ BEGIN RAISE insufficient_privilege "
        "USING MESSAGE = 'permission denied for schema public'; END $$"
    )

    with (
        pytest.raises(StoreRefused, match=r"schema public \(.*own the database\)") as told,
        database.writing() as connection,
    ):
        connection.execute(denied)

    assert type(told.value) is StoreRefused


@ON_POSTGRESQL
def test_a_server_that_takes_no_writes_is_busy_since_another_may_take_them(
    database: Database,
) -> None:
    with database.writing() as connection:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    with pytest.raises(StoreBusy, match="takes no writes"), database.writing() as connection:
        connection.execute(text("DELETE FROM meta"))


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusy),
        (sqlite3.SQLITE_LOCKED, StoreBusy),
        (sqlite3.SQLITE_FULL, StoreBusy),
        (sqlite3.SQLITE_IOERR_WRITE, StoreBusy),
        (sqlite3.SQLITE_CANTOPEN, StoreBusy),
        (sqlite3.SQLITE_READONLY, StoreBusy),
        (sqlite3.SQLITE_ERROR, StoreMisused),
    ],
)
def test_of_what_sqlite_tells_alike_only_a_wrong_statement_is_a_fault(
    code: int, raised: type[VigieError]
) -> None:
    said = sqlite3.OperationalError("as SQLite says it")
    said.sqlite_errorcode = code

    with pytest.raises(raised) as told, failures_as_ours():
        raise OperationalError("SELECT 1", None, said)

    assert type(told.value) is raised
