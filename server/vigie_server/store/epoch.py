"""The store's epoch: it changes whenever the store is not what devices last saw of it.

Devices that meet another epoch send full snapshots. A store brought back from a backup is found out
by a mark beside it, which only rises: a store that counts fewer commits than its mark lost some.
"""

import secrets
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select, update

from vigie_server.store.database import Database
from vigie_server.store.models import Meta
from vigie_server.store.tables import table

META: Final = table(Meta)
EPOCH: Final = "store_epoch"
COMMITS: Final = "commits"

log = structlog.get_logger()


def prepare(database: Database) -> None:
    """Gives a new store its epoch; leaves another one as it is."""
    with database.writing() as connection:
        known = set(connection.execute(select(META.c.name)).scalars())
        for name, value in ((EPOCH, secrets.token_hex(16)), (COMMITS, "0")):
            if name not in known:
                connection.execute(META.insert().values(name=name, value=value))


def store_epoch(database: Database) -> bytes:
    """16 bytes."""
    return bytes.fromhex(_value(database, EPOCH))


def renew(database: Database) -> None:
    """Makes every device send full snapshots when it next connects."""
    with database.writing() as connection:
        connection.execute(
            update(META).where(META.c.name == EPOCH).values(value=secrets.token_hex(16))
        )


def notice_restore(database: Database, mark: Path) -> None:
    """Renews the epoch of a store that has lost commits since the mark was written."""
    seen = _read_mark(mark)
    commits = int(_value(database, COMMITS))
    if commits < seen:
        log.warning("store_restored", commits=commits, seen=seen)
        renew(database)
        with database.writing() as connection:
            connection.execute(
                update(META).where(META.c.name == COMMITS).values(value=str(seen + 1))
            )
    write_mark(database, mark)


def write_mark(database: Database, mark: Path) -> None:
    """Notes beside the store how many commits it counts."""
    commits = int(_value(database, COMMITS))
    part = mark.with_name(mark.name + ".part")
    part.write_text(f"{commits}\n")
    part.replace(mark)


def _read_mark(mark: Path) -> int:
    try:
        return int(mark.read_text())
    except (OSError, ValueError):
        return 0


def _value(database: Database, name: str) -> str:
    with database.reading() as connection:
        return str(connection.execute(select(META.c.value).where(META.c.name == name)).scalar_one())
