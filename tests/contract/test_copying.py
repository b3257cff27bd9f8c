"""A SQLite store copied to PostgreSQL: everything is there and goes on, or nothing is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from fakes.filled_store import Content, content, filled, kept, tables_of
from fakes.postgres import postgres_url
from fakes.stored import NOW, bare_store, opened_store
from vigie_server.domain.errors import InUse, NotFound, SettingsMalformed, StoreBusy, StoreRefused
from vigie_server.ports.declaring import Act
from vigie_server.store import epoch, migrating
from vigie_server.store.copying import TABLES, CopiedTable, copy_store, source_alone
from vigie_server.store.database import Database, sqlite_url

ACT = Act("cli:test", NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite store with rows in every table, that nobody has open."""
    with opened_store("sqlite", tmp_path) as store:
        filled(store)
    return tmp_path / "vigie.db"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Database]:
    """A PostgreSQL that no migration has run on."""
    with bare_store("postgres", tmp_path) as store:
        yield store


def copied(file: Path, target: Database) -> list[CopiedTable]:
    def done(_: int) -> None:
        """Nobody watches."""

    with source_alone(file) as source:
        return list(copy_store(source, target, ACT, copied=done, checked=done))


def held(file: Path) -> Content:
    with closing(Database(sqlite_url(file))) as store:
        return {name: rows for name, rows in content(store).items() if name != "change"}


def rows_in(target: Database) -> int:
    return sum(len(rows) for name, rows in content(target).items() if name != "meta")


def test_every_row_is_there_as_it_was_and_what_was_done_is_in_the_audit(
    file: Path, target: Database
) -> None:
    tables = copied(file, target)

    before, after = held(file), dict(content(target))
    added = [row for row in after["audit"] if row not in before["audit"]]
    after["audit"] = [row for row in after["audit"] if row in before["audit"]]
    assert kept(before, after) == before
    assert [(row["actor"], row["action"]) for row in added] == [
        ("cli:test", "copied the store from SQLite")
    ]
    assert {one.name: one.rows for one in tables} == {
        name: len(rows) for name, rows in before.items()
    }
    assert {one.name for one in tables} == {table.name for table in TABLES}
    assert len({one.digest for one in tables}) == len(tables)


def test_new_rows_come_after_those_that_were_copied(file: Path, target: Database) -> None:
    copied(file, target)

    for table in tables_of(target):
        if "key" not in table.c or table.name == "change":
            continue
        with target.writing() as connection:
            highest = connection.execute(select(func.max(table.c.key))).scalar_one()
            sequence = f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'key'))"
            assert connection.execute(text(sequence)).scalar_one() == highest + 1


def test_history_lies_in_its_months(file: Path, target: Database) -> None:
    copied(file, target)

    with target.reading() as connection:
        places = connection.execute(
            text("SELECT tableoid::regclass::text, at FROM transition ORDER BY at")
        ).all()
    assert len({place for place, _ in places}) == len(places)
    assert "transition_other" not in {place for place, _ in places}


def test_a_target_that_holds_rows_is_left_alone(file: Path, target: Database) -> None:
    migrating.migrate(target)
    epoch.prepare(target)
    with target.writing() as connection:
        connection.execute(text("INSERT INTO body (name, created_at) VALUES ('x', 1)"))

    with pytest.raises(InUse, match="body"):
        copied(file, target)

    assert rows_in(target) == 1


def test_a_target_that_another_process_is_connected_to_is_left_alone(
    file: Path, target: Database
) -> None:
    with (
        closing(Database(postgres_url())) as other,
        other.reading(),
        pytest.raises(InUse, match="another process"),
    ):
        copied(file, target)


def test_a_source_that_another_has_open_is_refused(file: Path, target: Database) -> None:
    with closing(Database(sqlite_url(file))) as other:
        with other.reading() as connection:
            connection.execute(text("SELECT 1 FROM meta")).all()
        with pytest.raises(InUse, match="stop the server"):
            copied(file, target)

    assert copied(file, target)


def test_nobody_opens_the_source_while_it_is_copied(file: Path) -> None:
    with (
        source_alone(file),
        closing(sqlite3.connect(file, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("SELECT * FROM meta")


def test_a_row_that_postgresql_cannot_hold_is_named_and_nothing_is_copied(
    file: Path, target: Database
) -> None:
    with closing(sqlite3.connect(file)) as store:
        store.execute("UPDATE mail_verdict SET reason = 'secret' || char(0) WHERE rowid = 2")
        store.commit()

    with pytest.raises(StoreRefused, match="table mail_verdict") as told:
        copied(file, target)

    assert "secret" not in str(told.value)
    assert rows_in(target) == 0
    with closing(sqlite3.connect(file)) as store:
        store.execute("UPDATE mail_verdict SET reason = '{}'")
        store.commit()
    assert copied(file, target)  # nothing is left in the way


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("RETURN CASE WHEN NEW.name LIKE '%1 %' THEN NULL ELSE NEW END", "site"),
        ("NEW.name := NEW.name || ' '; RETURN NEW", "body"),
    ],
)
def test_a_row_that_does_not_arrive_as_it_was_is_noticed_and_nothing_is_copied(
    file: Path, target: Database, change: str, table: str
) -> None:
    migrating.migrate(target)
    with target.writing() as connection:
        connection.execute(text("SET LOCAL session_replication_role = origin"))
        connection.exec_driver_sql(
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {change}; END $$".replace("%", "%%")
        )
        connection.execute(
            text(
                f"CREATE TRIGGER meddle BEFORE INSERT ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION meddle()"
            )
        )

    with pytest.raises(StoreRefused, match="nothing was copied"):
        copied(file, target)

    assert rows_in(target) == 0


def test_a_target_without_room_is_told_in_its_own_words(file: Path, target: Database) -> None:
    migrating.migrate(target)
    with target.writing() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left'; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER full_up BEFORE INSERT ON site EXECUTE FUNCTION full_up()")
        )

    with pytest.raises(StoreBusy, match=r"no space left.*nothing was copied"):
        copied(file, target)

    assert rows_in(target) == 0


def test_a_source_that_is_damaged_further_on_is_told_and_nothing_is_copied(
    file: Path, target: Database
) -> None:
    with file.open("r+b") as damaged:
        damaged.seek(4096 * 8)
        damaged.write(bytes(file.stat().st_size - 4096 * 8))

    with pytest.raises(StoreRefused, match=r"vigie\.db cannot be read"):
        copied(file, target)

    assert rows_in(target) == 0


def test_a_source_of_an_older_schema_is_to_be_migrated_first(
    tmp_path: Path, target: Database
) -> None:
    with bare_store("sqlite", tmp_path) as store:
        migrating.migrate_to(store, "0005")

    with pytest.raises(SettingsMalformed, match=r"0005.*vigie-server migrate"):
        copied(tmp_path / "vigie.db", target)


def test_a_database_of_somebody_else_is_left_as_it_is(file: Path, target: Database) -> None:
    with target.writing() as connection:
        connection.execute(text("CREATE TABLE device (name text)"))

    with pytest.raises(SettingsMalformed, match=r"no store of Vigie.*\(device\).*empty database"):
        copied(file, target)

    with target.reading() as connection:
        assert inspect(connection).get_table_names() == ["device"]


def test_a_file_that_is_not_there_or_no_store_is_told(tmp_path: Path, target: Database) -> None:
    with pytest.raises(NotFound, match="no SQLite store"):
        copied(tmp_path / "vigie.db", target)
    (tmp_path / "vigie.db").write_text("not a database " * 500)
    with pytest.raises(StoreRefused, match="cannot be read"):
        copied(tmp_path / "vigie.db", target)
    assert list(tmp_path.iterdir()) == [tmp_path / "vigie.db"]
