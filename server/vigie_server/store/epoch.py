"""The store's epoch: it changes whenever the store is not what devices last saw of it.

Devices that meet another epoch send full snapshots. A store brought back from a backup, or one
whose standby took over without its last commits, is found out by who committed: each data folder
has a name and counts its own commits in the store, and a mark beside it says how far it came, in
which epoch. A count that went back means that commits are lost. A mark of another epoch says
nothing of this one, unless the store is back in an epoch that the mark knows to be past.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection, select, text, update

from vigie_server.store.database import Database
from vigie_server.store.models import Meta
from vigie_server.store.tables import table

META: Final = table(Meta)
EPOCH: Final = "store_epoch"
COMMITS: Final = "commits"
PAST_KEPT: Final = 100
_ADD: Final = text(
    "INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the commits of a data folder came; `past` are epochs that are over."""

    folder: str
    epoch: str
    commits: int
    past: tuple[str, ...] = ()

    @property
    def counter(self) -> str:
        """The name of the folder's count in the store."""
        return f"{COMMITS}:{self.folder}"


def prepare(database: Database) -> None:
    """Gives a new store its epoch; leaves another one as it is."""
    with database.writing() as connection:
        known = set(connection.execute(select(META.c.name)).scalars())
        for name, value in ((EPOCH, secrets.token_hex(16)), (COMMITS, "0")):
            if name not in known:
                _add(connection, name, value)


def store_epoch(database: Database) -> bytes:
    """16 bytes."""
    with database.reading() as connection:
        return bytes.fromhex(_value(connection, EPOCH) or "")


def enter(database: Database, path: Path) -> Mark:
    """The mark of this data folder, whose commits are counted from now on.

    Renews the epoch of a store that has lost commits since the mark was written.
    """
    given = _read_mark(path)
    with database.writing() as connection:
        current = _value(connection, EPOCH) or ""
        mark = _mark_of(given, current)
        old = isinstance(given, int)
        counted = _value(connection, COMMITS if old else mark.counter)
        lost = mark.epoch == current and int(counted or 0) < mark.commits
        if lost or current in mark.past:
            log.warning("store_restored", commits=int(counted or 0), seen=mark.commits)
            current = _renewed(connection, current)
        own = _value(connection, mark.counter)
        if own is None:
            _add(connection, mark.counter, "0")
    database.counter.begin(mark.counter, int(own or 0))
    entered = replace(_moved(mark, current), commits=int(own or 0))
    _write_mark(path, entered)
    return entered


def follow(database: Database, path: Path, mark: Mark) -> Mark:
    """The mark as it is now, written; its epoch is another one where commits were lost.

    This process finds out where its own were; whichever does renews the epoch for all.
    """
    counter = database.counter
    with database.writing() as connection:
        current = _value(connection, EPOCH) or ""
        counted = _value(connection, mark.counter)
        back = counter.went_back or counted is None
        if (back and current == mark.epoch) or current in mark.past:
            log.warning("store_restored", commits=int(counted or 0), seen=mark.commits)
            current = _renewed(connection, current)
        if counted is None:
            _add(connection, mark.counter, "0")
    if back:
        counter.begin(mark.counter, int(counted or 0))
    followed = replace(_moved(mark, current), commits=int(counted or 0))
    _write_mark(path, followed)
    return followed


def renew(connection: Connection) -> None:
    """Gives the store another epoch: it was brought back, so devices send everything again."""
    _renewed(connection, _value(connection, EPOCH) or "")


def _moved(mark: Mark, current: str) -> Mark:
    if mark.epoch == current:
        return mark
    past = tuple(epoch for epoch in (*mark.past, mark.epoch) if epoch != current)
    return replace(mark, epoch=current, past=past[-PAST_KEPT:])


def _renewed(connection: Connection, current: str) -> str:
    """The new epoch: ours, or that of who was faster."""
    connection.execute(
        update(META)
        .where(META.c.name == EPOCH)
        .where(META.c.value == current)
        .values(value=secrets.token_hex(16))
    )
    return _value(connection, EPOCH) or ""


def _mark_of(given: Mapping[str, Any] | int | None, current: str) -> Mark:
    if isinstance(given, int):  # of an earlier version
        return Mark(secrets.token_hex(8), current, given)
    if given is None:
        return Mark(secrets.token_hex(8), current, 0)
    return Mark(
        str(given["folder"]), str(given["epoch"]), int(given["commits"]), tuple(given["past"])
    )


def _read_mark(path: Path) -> Mapping[str, Any] | int | None:
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if isinstance(read, int):
        return read
    named = isinstance(read, dict) and {"folder", "epoch", "commits", "past"} <= read.keys()
    return read if named else None


def _write_mark(path: Path, mark: Mark) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(
        json.dumps(
            {
                "folder": mark.folder,
                "epoch": mark.epoch,
                "commits": mark.commits,
                "past": list(mark.past),
            }
        )
        + "\n"
    )
    part.replace(path)


def _add(connection: Connection, name: str, value: str) -> None:
    """Adds what is not there; whoever adds it at the same time wins."""
    connection.execute(_ADD, {"name": name, "value": value})


def _value(connection: Connection, name: str) -> str | None:
    found = connection.execute(select(META.c.value).where(META.c.name == name)).scalar()
    return None if found is None else str(found)
