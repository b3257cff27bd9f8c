"""One moment of a store as a SQLite file of its own, taken while servers go on writing.

Of SQLite its pages are copied inside one read transaction, which holds up nobody and sees no later
commit; of PostgreSQL every table is read in one snapshot of the database, and what was written is
read back and compared by count and digest.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, Table, func, select

from vigie_server.domain.errors import StoreBusy, StoreRefused
from vigie_server.ports.declaring import Act
from vigie_server.store import epoch, migrating
from vigie_server.store.content_digest import TableDigest
from vigie_server.store.copying import META, TABLES, driver, everything, why_left_off
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import DeviceRow
from vigie_server.store.people_models import WebSession
from vigie_server.store.postgres import unlimited
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table

PAGES: Final = 512
"""Pages of SQLite copied between two words of how far it is."""
ROWS: Final = 1_000


class Progress(Protocol):
    """Shows how far a work is; the block says how many more of `length` are done."""

    def __call__(
        self, length: int, label: str, /
    ) -> AbstractContextManager[Callable[[int], None]]: ...


def take(database: Database, file: Path, progress: Progress) -> int:
    """Writes the store, as it is now, to a new SQLite file; how many devices are in it.

    Raises StoreBusy, StoreRefused (it is damaged, or a row was not kept), SettingsMalformed
    (another schema), OSError.
    """
    migrating.require_migrated(database)
    try:
        if database.is_sqlite:
            _copy_pages(Path(str(database.engine.url.database)), file, progress)
        else:
            _copy_rows(database, file, progress)
    except sqlite3.DatabaseError as error:
        raise StoreRefused(f"the store cannot be copied: {error}") from error
    with closing(Database(sqlite_url(file))) as taken, taken.reading() as connection:
        return connection.execute(select(func.count()).select_from(table(DeviceRow))).scalar_one()


def make_ready(file: Path, act: Act, told: str) -> None:
    """Makes the SQLite store of a backup one that goes on from here: at this version's schema.

    Devices send everything again, people sign in again, the audit tells of it. Raises
    SettingsMalformed for a store of a newer version, StoreBusy, StoreRefused.
    """
    with closing(Database(sqlite_url(file))) as database:
        migrating.migrate(database)
        epoch.prepare(database)
        with database.writing() as connection:
            epoch.renew(connection)
            connection.execute(table(WebSession).delete())  # some may have been ended since
            record_act(connection, act, "restored a backup", told)


def _copy_pages(source: Path, file: Path, progress: Progress) -> None:
    with (
        closing(_opened(source, "rw")) as reading,
        closing(_opened(file, "rwc")) as writing,
    ):
        reading.execute(
            "BEGIN"
        )  # what others commit from here on is not seen, and begins nothing anew
        reading.execute("SELECT count(*) FROM meta").fetchone()
        (pages,) = reading.execute("PRAGMA page_count").fetchone()
        with progress(pages, "Reading the store") as done:
            left = pages

            def told(_: int, remaining: int, __: int) -> None:
                nonlocal left
                done(left - remaining)
                left = remaining

            reading.backup(writing, pages=PAGES, progress=told)
        reading.execute("ROLLBACK")
        writing.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        found = writing.execute("PRAGMA quick_check(1)").fetchone()
        if found != ("ok",):
            raise StoreRefused(f"the store is damaged: {found[0]}")


def _copy_rows(database: Database, file: Path, progress: Progress) -> None:
    import psycopg  # noqa: PLC0415 (a server on SQLite does without)

    with closing(Database(sqlite_url(file))) as empty:
        migrating.migrate(empty)
    try:
        _copy_all(database, file, progress)
    except psycopg.OperationalError as error:
        raise StoreBusy(why_left_off(error)) from error


def _copy_all(database: Database, file: Path, progress: Progress) -> None:
    with (
        database.reading() as connection,
        closing(_opened(file, "rw")) as writing,
    ):
        unlimited(connection)
        total = sum(
            connection.execute(select(func.count()).select_from(of)).scalar_one() for of in TABLES
        )
        writing.execute("PRAGMA journal_mode = DELETE")
        writing.execute("PRAGMA synchronous = OFF")
        writing.execute("BEGIN")
        writing.execute(f"DELETE FROM {META.name}")  # noqa: S608 (our own name)
        with progress(total, "Reading the store") as done:
            for of in TABLES:
                _copy_table(connection, of, writing, done)
        writing.execute("COMMIT")


def _copy_table(
    connection: Connection, of: Table, writing: sqlite3.Connection, done: Callable[[int], None]
) -> None:
    read, written = TableDigest(of), TableDigest(of)
    places = ", ".join("?" * len(of.columns))
    columns = ", ".join(f'"{column.name}"' for column in of.columns)
    insert = f'INSERT INTO "{of.name}" ({columns}) VALUES ({places})'  # noqa: S608 (our own names)
    with driver(connection).cursor("taken") as rows:
        rows.itersize = ROWS
        for some in _batches(rows.execute(everything(of))):
            for row in some:
                read.add(row)
            writing.executemany(insert, some)
            done(len(some))
    for row in writing.execute(everything(of)):
        written.add(row)
    if (read.rows, read.hexadecimal) != (written.rows, written.hexadecimal):
        raise StoreRefused(f"table {of.name} was not kept as it is")


def _batches(rows: Any) -> Iterator[Sequence[Any]]:
    come = iter(rows)
    while some := list(islice(come, ROWS)):
        yield some


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(file))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None)
