"""One moment of a store, of either database, as a SQLite file of its own."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.filled_store import Content, content, filled
from fakes.postgres import postgres_url
from fakes.stored import NOW, STORES, bare_store, opened_store
from vigie_server.domain.errors import InUse, SettingsMalformed, StoreRefused
from vigie_server.ports.declaring import Act
from vigie_server.store import epoch, migrating, snapshots
from vigie_server.store.copying import copy_store, source_alone
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.last_backup import last_backup, note_backup

ACT = Act("cli:test", NOW)
Told = Callable[[int], None]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        filled(opened)
        yield opened


def silent(_: int) -> None:
    """Nobody watches."""


@contextmanager
def unseen(_: int, __: str) -> Iterator[Told]:
    yield silent


def held(database: Database) -> Content:
    return {name: rows for name, rows in content(database).items() if name != "change"}


def held_in(file: Path) -> Content:
    with closing(Database(sqlite_url(file))) as database:
        return held(database)


def test_a_snapshot_holds_every_row(store: Database, tmp_path: Path) -> None:
    devices = snapshots.take(store, tmp_path / "taken.db", unseen)

    assert held_in(tmp_path / "taken.db") == held(store)
    assert devices == len(held(store)["device"])
    assert not (tmp_path / "taken.db-wal").exists()


def test_what_is_committed_meanwhile_goes_on_and_is_not_in_it(
    store: Database, tmp_path: Path
) -> None:
    before = held(store)
    seen: list[int] = []

    @contextmanager
    def committing(length: int, _: str) -> Iterator[Told]:
        def done(more: int) -> None:
            seen.append(more)
            with store.writing() as connection:
                statement = text("INSERT INTO body (name, created_at) VALUES (:name, 1)")
                connection.execute(statement, {"name": f"body {len(seen)}"})

        yield done
        assert sum(seen) == length

    snapshots.take(store, tmp_path / "taken.db", committing)

    assert held_in(tmp_path / "taken.db") == before
    assert len(held(store)["body"]) == len(before["body"]) + len(seen)
    assert seen


def test_how_far_it_is_is_told_by_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PAGES", 8)
    told: list[int] = []

    @contextmanager
    def watched(length: int, _: str) -> Iterator[Told]:
        yield told.append
        assert sum(told) == length

    with opened_store("sqlite", tmp_path) as store:
        snapshots.take(store, tmp_path / "taken.db", watched)

    assert len(told) > 5


def test_a_store_of_another_schema_is_not_taken(tmp_path: Path) -> None:
    with bare_store("sqlite", tmp_path) as store:
        migrating.migrate_to(store, "0005")
        with pytest.raises(SettingsMalformed, match="vigie-server migrate"):
            snapshots.take(store, tmp_path / "taken.db", unseen)


def test_a_damaged_store_is_no_backup(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as store:
        filled(store)
    file = tmp_path / "vigie.db"
    with closing(sqlite3.connect(file)) as plain:
        (page,) = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = 'site'").fetchone()
        (size,) = plain.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(b"\xff" * 64)

    with (
        closing(Database(sqlite_url(file))) as store,
        pytest.raises(StoreRefused, match=r"damaged|malformed"),
    ):
        snapshots.take(store, tmp_path / "taken.db", unseen)


def test_a_restored_store_has_another_epoch_no_open_session_and_says_so(
    store: Database, tmp_path: Path
) -> None:
    epoch.prepare(store)
    snapshots.take(store, tmp_path / "taken.db", unseen)

    snapshots.make_ready(tmp_path / "taken.db", ACT, "made at noon")

    with closing(Database(sqlite_url(tmp_path / "taken.db"))) as ready:
        after = content(ready)
        assert len(epoch.store_epoch(ready)) == 16
        assert epoch.store_epoch(ready) != epoch.store_epoch(store)
    assert content(store)["web_session"]
    assert after["web_session"] == []
    assert after["evidence"] == content(store)["evidence"]
    told = [row for row in after["audit"] if row["action"] == "restored a backup"]
    assert [(row["actor"], row["subject"]) for row in told] == [("cli:test", "made at noon")]


def test_an_older_store_is_brought_to_this_schema(tmp_path: Path) -> None:
    with bare_store("sqlite", tmp_path) as older:
        migrating.migrate_to(older, "0005")

    snapshots.make_ready(tmp_path / "vigie.db", ACT, "")

    with closing(Database(sqlite_url(tmp_path / "vigie.db"))) as ready:
        migrating.require_migrated(ready)


def test_the_last_backup_is_noted_once(store: Database) -> None:
    assert last_backup(store) is None

    note_backup(store, NOW)
    note_backup(store, NOW.replace(hour=13))

    assert last_backup(store) == NOW.replace(hour=13)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Database]:
    """A PostgreSQL with other rows in every table."""
    (tmp_path / "target").mkdir()
    with opened_store("postgres", tmp_path / "target") as opened:
        filled(opened)
        note_backup(opened, NOW)
        yield opened


@pytest.mark.enable_socket
def test_a_store_takes_the_place_of_what_is_in_postgresql(tmp_path: Path, target: Database) -> None:
    with opened_store("sqlite", tmp_path) as source:
        filled(source)
        with source.writing() as connection:
            connection.execute(text("DELETE FROM evidence"))

    with source_alone(tmp_path / "vigie.db") as source:
        copy_store(source, target, ACT, copied=silent, checked=silent, replace=True)

    after = held(target)
    assert after["evidence"] == []
    assert after["meta"] == held_in(tmp_path / "vigie.db")["meta"]


@pytest.mark.enable_socket
def test_what_is_in_postgresql_stays_when_it_cannot_be_replaced(
    tmp_path: Path, target: Database
) -> None:
    with opened_store("sqlite", tmp_path) as source:
        filled(source)
        with source.writing() as connection:
            connection.execute(text("UPDATE mail_verdict SET reason = 'x' || char(0)"))
    before = content(target)

    with source_alone(tmp_path / "vigie.db") as source:
        with pytest.raises(StoreRefused, match="mail_verdict"):
            copy_store(source, target, ACT, copied=silent, checked=silent, replace=True)
        with (
            closing(Database(postgres_url())) as other,
            other.reading(),
            pytest.raises(InUse, match="another process"),
        ):
            copy_store(source, target, ACT, copied=silent, checked=silent, replace=True)

    assert content(target) == before
