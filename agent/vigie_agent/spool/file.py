"""Opens the spool's SQLite file, or sets a damaged one aside and makes a new one.

Journal: WAL, so that a commit is one flush to disk; `synchronous=FULL`, so that the flush happens
before the commit returns. The lock is exclusive: a second agent on the same file is told so, and
there is no shared memory file that a full disk could break.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.domain.spooling import SPOOL_ID_BYTES

log = structlog.get_logger()

SCHEMA_VERSION: Final = 1
KEPT_CORRUPT: Final = 2
"""Damaged files kept for whoever wants to look; older ones go."""

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOG_PAGES: Final = 64
_LOG_BYTES: Final = 256 * 1024
_PRIMARY_CODE: Final = 0xFF

_SCHEMA: Final = """
CREATE TABLE spool (
    spool_id BLOB NOT NULL,
    highest_seq INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    store_epoch BLOB NOT NULL
);
CREATE TABLE content (digest BLOB PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    digest BLOB NOT NULL,
    query_digest BLOB NOT NULL,
    wall INTEGER NOT NULL,
    cpu INTEGER NOT NULL,
    collected_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    boot_clock INTEGER NOT NULL,
    is_full INTEGER NOT NULL
);
CREATE INDEX entry_digest ON entry (digest);
CREATE TABLE newest (
    topic TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    query_digest BLOB NOT NULL,
    wall INTEGER NOT NULL,
    cpu INTEGER NOT NULL,
    collected_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    boot_clock INTEGER NOT NULL,
    committed BLOB
);
"""


class Damaged(Exception):
    """The file is not a spool of ours, or no longer whole."""


def opened(path: Path) -> sqlite3.Connection:
    """A connection to the spool at `path`, made new where there is none or only a damaged one.

    Raises SpoolUnusable when it can be neither opened nor made: no room, no rights, or in use.
    """
    try:
        try:
            return _connected(path)
        except (Damaged, sqlite3.DatabaseError) as error:
            if not is_damage(error):
                raise
            set_aside(path, str(error))
            return _connected(path)
    except (OSError, sqlite3.Error, Damaged) as error:
        raise SpoolUnusable(_told(path, error)) from error


def is_damage(error: Exception) -> bool:
    """Whether the file itself is bad, and not only its disk full or its lock taken."""
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, Damaged) or code & _PRIMARY_CODE in _CORRUPT


def set_aside(path: Path, why: str) -> None:
    """Renames the damaged file to `<name>.corrupt-<n>`. What waited in it is lost, and logged."""
    kept = sorted(path.parent.glob(f"{path.name}.corrupt-*"), key=_number)
    for old in kept[: max(len(kept) - KEPT_CORRUPT + 1, 0)]:
        old.unlink()
    number = _number(kept[-1]) + 1 if kept else 1
    target = path.with_name(f"{path.name}.corrupt-{number}")
    # The log goes first: beside a new file of the same name it would be replayed into it.
    path.with_name(f"{path.name}-wal").unlink(missing_ok=True)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    path.replace(target)
    log.error("spool_set_aside", why=why, kept_as=target.name)


def _number(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its log the mode of the file, so the file is made before SQLite sees it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        connection.execute("PRAGMA cache_size = -1024")
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(str(verdict))
        if connection.execute("SELECT COUNT(*) FROM spool").fetchone() != (1,):
            raise Damaged("the spool has no identity")
        return
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    if version or tables:
        raise Damaged(f"a spool of version {version}, not {SCHEMA_VERSION}")
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            cursor.execute(statement)
        cursor.execute("INSERT INTO spool VALUES (?, 0, 0, X'')", (os.urandom(SPOOL_ID_BYTES),))
        cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        cursor.execute("COMMIT")


def _told(path: Path, error: Exception) -> str:
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:
        return f"{path} is in use by another agent"
    return f"{path} cannot be used: {error}"
