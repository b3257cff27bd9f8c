"""The durable spool: one SQLite file, each change one transaction.

What is in flight is only remembered in memory, as the highest number claimed: after a crash it is
pending again, and the server says in its Welcome what it had committed. Contents are stored once a
digest, so that an idle device's collections cost a short row each.
"""

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.domain.snapshot import Cost, Report, Snapshot
from vigie_agent.domain.spooling import SPOOL_ID_BYTES, TRANSITIONS, Entry, Event, State
from vigie_agent.spool.file import Damaged, is_damage, opened, set_aside
from vigie_agent.spool.packing import microseconds, packed, unpacked

_DATA_SHARE: Final = 0.75
"""Of the room: the rest is for SQLite's log and for the transaction that makes room."""

_COLUMNS: Final = (
    "seq, topic, digest, query_digest, wall, cpu, collected_at, boot_id, boot_clock, is_full"
)
_JOINED: Final = ", ".join(f"entry.{column}" for column in _COLUMNS.split(", "))

_INSERT_ENTRY: Final = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPSERT_NEWEST: Final = """
INSERT INTO newest (seq, topic, digest, query_digest, wall, cpu, collected_at, boot_id, boot_clock)
SELECT seq, topic, digest, query_digest, wall, cpu, collected_at, boot_id, boot_clock
FROM entry WHERE seq = ?
ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq, digest = excluded.digest,
    query_digest = excluded.query_digest, wall = excluded.wall, cpu = excluded.cpu,
    collected_at = excluded.collected_at, boot_id = excluded.boot_id,
    boot_clock = excluded.boot_clock
"""
_DISCARD: Final = """
DELETE FROM content WHERE digest = ?1
AND NOT EXISTS (SELECT 1 FROM entry WHERE digest = ?1)
AND NOT EXISTS (SELECT 1 FROM newest WHERE digest = ?1)
"""
_VICTIM: Final = """
SELECT entry.seq, entry.digest FROM entry JOIN newest USING (topic)
WHERE entry.seq > ? AND entry.seq < newest.seq ORDER BY entry.seq LIMIT 1
"""


class _Row(NamedTuple):
    """An entry as it lies in the file, in the order of `_COLUMNS`; spans in microseconds."""

    seq: int
    topic: str
    digest: bytes
    query_digest: bytes
    wall: int
    cpu: int
    collected_at: str
    boot_id: str
    boot_clock: int
    is_full: int

    def entry(self, content: bytes) -> Entry:
        """The entry of this row. Raises Damaged."""
        try:
            snapshot = unpacked(
                content,
                digest=self.digest,
                query_digest=self.query_digest,
                cost=Cost(timedelta(microseconds=self.wall), timedelta(microseconds=self.cpu)),
            )
        except ValueError as error:
            raise Damaged(str(error)) from error
        report = Report(
            collected_at=datetime.fromisoformat(self.collected_at),
            boot_id=self.boot_id,
            boot_clock=timedelta(microseconds=self.boot_clock),
            snapshots=(snapshot,),
        )
        return Entry(self.seq, report, bool(self.is_full))


class SqliteSpool:
    """See `vigie_agent.ports.Spool`. The file is opened at the first call that needs it.

    A file found damaged, at opening or later, is set aside and a new spool begins: `spool_id`
    changes. `max_bytes` bounds the file and SQLite's log beside it together.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._data_bytes = int(max_bytes * _DATA_SHARE)
        self._connection: sqlite3.Connection | None = None
        self._claimed = 0
        self._sent_upto = 0

    @property
    def spool_id(self) -> bytes:
        with self._reading() as connection:
            return _blob(connection, "SELECT spool_id FROM spool")

    @property
    def highest_seq(self) -> int:
        with self._reading() as connection:
            return _number(connection, "SELECT highest_seq FROM spool")

    @property
    def dropped(self) -> int:
        with self._reading() as connection:
            return _number(connection, "SELECT dropped FROM spool")

    @property
    def store_epoch(self) -> bytes:
        with self._reading() as connection:
            return _blob(connection, "SELECT store_epoch FROM spool")

    def append(self, report: Report) -> int:
        with self._changing() as connection:
            for snapshot in report.snapshots:
                self._add(connection, report, snapshot)
            if not self._make_room(connection):
                raise SpoolUnusable(f"{self._path}: the room it is given is too small")
            return _number(connection, "SELECT highest_seq FROM spool")

    def _add(self, connection: sqlite3.Connection, report: Report, snapshot: Snapshot) -> None:
        connection.execute(
            "INSERT OR IGNORE INTO content VALUES (?, ?)", (snapshot.digest, packed(snapshot))
        )
        row = _Row(
            seq=_next_seq(connection),
            topic=snapshot.topic,
            digest=snapshot.digest,
            query_digest=snapshot.query_digest,
            wall=microseconds(snapshot.cost.wall),
            cpu=microseconds(snapshot.cost.cpu),
            collected_at=report.collected_at.isoformat(),
            boot_id=report.boot_id,
            boot_clock=microseconds(report.boot_clock),
            is_full=False,
        )
        _insert(connection, row)

    def _make_room(self, connection: sqlite3.Connection) -> bool:
        """Lets the oldest go that a newer snapshot of their topic outlives; False if not enough."""
        while _used(connection) > self._data_bytes:
            victim = connection.execute(_VICTIM, (self._claimed,)).fetchone()
            if victim is None:
                return False
            seq, digest = victim
            self._leave(connection, seq, Event.NO_ROOM)
            connection.execute(_DISCARD, (digest,))
            connection.execute("UPDATE spool SET dropped = dropped + 1")
        return True

    def _leave(self, connection: sqlite3.Connection, seq: int, event: Event) -> State:
        """Takes an entry out of the file; gives the state in which it ended."""
        state = State.IN_FLIGHT if seq <= self._claimed else State.PENDING
        connection.execute("DELETE FROM entry WHERE seq = ?", (seq,))
        return TRANSITIONS[state, event]

    def claim(self, *, limit: int) -> Sequence[Entry]:
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_JOINED}, body FROM entry JOIN content USING (digest) "  # noqa: S608 (constants only)
                "WHERE seq > ? ORDER BY seq LIMIT ?",
                (self._claimed, limit),
            ).fetchall()
            entries = [_Row(*row[:-1]).entry(row[-1]) for row in rows]
        if entries:
            self._claimed = entries[-1].seq
            self._sent_upto = max(self._sent_upto, self._claimed)
        return entries

    def amend(self, seq: int, snapshot: Snapshot) -> None:
        with self._changing() as connection:
            before = _rows(connection, "WHERE seq = ?", seq)
            if not before:
                return
            connection.execute(
                "INSERT OR IGNORE INTO content VALUES (?, ?)", (snapshot.digest, packed(snapshot))
            )
            for table in ("entry", "newest"):
                connection.execute(
                    f"UPDATE {table} SET digest = ? WHERE seq = ?",  # noqa: S608 (constants only)
                    (snapshot.digest, seq),
                )
            connection.execute(_DISCARD, (before[0].digest,))

    def acknowledge(self, seq: int, *, rejected: Collection[int] = ()) -> None:
        with self._changing() as connection:
            self._settle(connection, min(seq, self._claimed), rejected)

    def _settle(
        self, connection: sqlite3.Connection, upto: int, rejected: Collection[int] = ()
    ) -> None:
        for row in _rows(connection, "WHERE seq <= ? ORDER BY seq", upto):
            event = Event.REJECTED if row.seq in rejected else Event.COMMITTED
            if self._leave(connection, row.seq, event) is State.ACKED:
                connection.execute(
                    "UPDATE newest SET committed = ? WHERE topic = ?", (row.digest, row.topic)
                )
            connection.execute(_DISCARD, (row.digest,))

    def link_lost(self) -> None:
        self._claimed = 0

    def resume(self, after: int) -> bool:
        self.link_lost()
        with self._changing() as connection:
            self._settle(connection, min(after, self._sent_upto))
            if after <= self._sent_upto:
                return True
            connection.execute("UPDATE spool SET spool_id = ?", (os.urandom(SPOOL_ID_BYTES),))
            connection.execute("UPDATE newest SET committed = NULL")
            return False

    def enter_epoch(self, epoch: bytes) -> bool:
        if epoch == self.store_epoch:
            return False
        with self._changing() as connection:
            connection.execute("UPDATE spool SET store_epoch = ?", (epoch,))
            self._requeue(connection, ())
        return True

    def requeue(self, topics: Collection[str] = ()) -> int:
        with self._changing() as connection:
            return self._requeue(connection, topics)

    def _requeue(self, connection: sqlite3.Connection, topics: Collection[str]) -> int:
        queued = 0
        for row in _newest_rows(connection):
            if topics and row.topic not in topics:
                continue
            connection.execute("UPDATE newest SET committed = NULL WHERE topic = ?", (row.topic,))
            on_its_way = _rows(
                connection, "WHERE seq = ? AND (seq > ? OR is_full)", row.seq, self._claimed
            )
            if not on_its_way:
                _insert(connection, row._replace(seq=_next_seq(connection), is_full=True))
                queued += 1
        self._make_room(connection)  # what was queued shares its content: it adds next to nothing
        return queued

    def committed_digest(self, topic: str) -> bytes | None:
        with self._reading() as connection:
            found = connection.execute(
                "SELECT committed FROM newest WHERE topic = ?", (topic,)
            ).fetchone()
        return None if found is None else found[0]

    def newest(self, topic: str) -> Snapshot | None:
        with self._reading() as connection:
            for row in _newest_rows(connection):
                if row.topic == topic:
                    body = _blob(
                        connection, "SELECT body FROM content WHERE digest = ?", row.digest
                    )
                    return row.entry(body).snapshot
        return None

    def pending(self) -> int:
        with self._reading() as connection:
            return _number(connection, "SELECT COUNT(*) FROM entry")

    def erase(self) -> None:
        self.close()
        try:
            for path in self._path.parent.glob(f"{self._path.name}*"):
                path.unlink()
        except OSError as error:
            raise SpoolUnusable(f"{self._path} cannot be erased: {error}") from error

    def close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # all that was committed is in the file or in its log
                self._connection.close()
        self._connection = None
        self._claimed = 0

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection. What SQLite cannot do comes out as SpoolUnusable."""
        try:
            yield self._connection or self._open()
        except (sqlite3.Error, Damaged) as error:
            if is_damage(error):
                self._begin_anew(error)
            raise SpoolUnusable(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        self._connection = opened(self._path)
        self._claimed = 0
        # Nothing above it can have been sent: see `resume`.
        self._sent_upto = _number(self._connection, "SELECT highest_seq FROM spool")
        return self._connection

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: whole and on disk once left, or undone."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):  # the first error says what is wrong
                        connection.execute("ROLLBACK")
                raise

    def _begin_anew(self, error: Exception) -> None:
        """The caller's call fails all the same; its next try meets the new spool."""
        self.close()
        with suppress(OSError):  # the next opening tries again, and says what is wrong
            set_aside(self._path, str(error))


def _one(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> object:
    found = connection.execute(sql, values).fetchone()
    if found is None:
        raise Damaged("a row that must be there is missing")
    value: object = found[0]
    return value


def _number(connection: sqlite3.Connection, sql: str, *values: object) -> int:
    match _one(connection, sql, values):
        case int() as value:
            return value
        case other:
            raise Damaged(f"{type(other).__name__} where a number must be")


def _blob(connection: sqlite3.Connection, sql: str, *values: object) -> bytes:
    match _one(connection, sql, values):
        case bytes() as value:
            return value
        case other:
            raise Damaged(f"{type(other).__name__} where bytes must be")


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> list[_Row]:
    sql = f"SELECT {_COLUMNS} FROM entry {where}"  # noqa: S608 (constants only)
    return [_Row(*row) for row in connection.execute(sql, values)]


def _newest_rows(connection: sqlite3.Connection) -> list[_Row]:
    columns = _COLUMNS.removesuffix(", is_full")
    sql = f"SELECT {columns}, 0 FROM newest ORDER BY topic"  # noqa: S608 (constants only)
    return [_Row(*row) for row in connection.execute(sql)]


def _next_seq(connection: sqlite3.Connection) -> int:
    return _number(
        connection, "UPDATE spool SET highest_seq = highest_seq + 1 RETURNING highest_seq"
    )


def _insert(connection: sqlite3.Connection, row: _Row) -> None:
    """Adds an entry and makes it its topic's newest; the one before loses what nobody needs."""
    before = connection.execute("SELECT digest FROM newest WHERE topic = ?", (row.topic,))
    old = before.fetchone()
    connection.execute(_INSERT_ENTRY, row)
    connection.execute(_UPSERT_NEWEST, (row.seq,))
    if old is not None:
        connection.execute(_DISCARD, old)


def _used(connection: sqlite3.Connection) -> int:
    pages = _number(connection, "PRAGMA page_count")
    free = _number(connection, "PRAGMA freelist_count")
    return (pages - free) * _number(connection, "PRAGMA page_size")
