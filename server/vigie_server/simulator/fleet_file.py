"""A fleet on disk: one SQLite file with who its devices are and how far each has got."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from vigie_server.domain.errors import NotFound, VigieError
from vigie_server.simulator.chance import bytes_of
from vigie_server.simulator.drift import Happened, Life
from vigie_server.simulator.identity import Identity

_SCHEMA: Final = """
CREATE TABLE fleet (
    seed INTEGER NOT NULL, epoch TEXT NOT NULL, authority BLOB NOT NULL, endpoints TEXT NOT NULL
);
CREATE TABLE device (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, key BLOB NOT NULL, certificate BLOB NOT NULL,
    seq INTEGER NOT NULL, life TEXT NOT NULL, known INTEGER NOT NULL
);
PRAGMA user_version = 1;
"""
_VERSION: Final = 1
_BUSY_SECONDS: Final = 60.0


class FleetUnusable(VigieError):
    """The file is no fleet, or of another version of `vigie-sim`."""


@dataclass(frozen=True, slots=True)
class About:
    """A fleet as a whole. `epoch` is the instant its recordings are moved to."""

    seed: int
    epoch: datetime
    authority: bytes
    """The authority to trust, PEM."""
    endpoints: tuple[str, ...]
    """host:port of telemetry ports, as enrolment told."""

    def spool_id(self, number: int) -> bytes:
        """The id of a device's spool."""
        return bytes_of(16, "spool", self.seed, number, self.epoch.isoformat())


@dataclass(frozen=True, slots=True)
class Kept:
    """How far a device has got. `known`: the server has had every topic whole."""

    seq: int
    life: Life
    known: bool


class FleetFile:
    """The open file. Not for two threads at once; several processes may share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def about(self) -> About:
        row = self._connection.execute(
            "SELECT seed, epoch, authority, endpoints FROM fleet"
        ).fetchone()
        seed, epoch, authority, endpoints = row
        return About(seed, datetime.fromisoformat(epoch), authority, tuple(json.loads(endpoints)))

    def count(self) -> int:
        """How many devices it has."""
        (found,) = self._connection.execute("SELECT count(*) FROM device").fetchone()
        return int(found)

    def all_kept(self) -> Iterator[tuple[int, Kept]]:
        """How far each device has got, by number, ascending."""
        found = self._connection.execute(
            "SELECT number, seq, life, known FROM device ORDER BY number"
        )
        for number, seq, life, known in found:
            yield number, Kept(seq, _read(life), bool(known))

    def add(self, identities: Mapping[int, Identity], kept: Kept) -> None:
        """New devices by number, all as far as each other."""
        life = _written(kept.life)
        with self._connection:
            self._connection.executemany(
                "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (number, one.device_id, one.key, one.certificate, kept.seq, life, kept.known)
                    for number, one in identities.items()
                ),
            )

    def identity(self, number: int) -> Identity:
        """Who the device of this number is."""
        row = self._connection.execute(
            "SELECT id, key, certificate FROM device WHERE number = ?", (number,)
        ).fetchone()
        return Identity(*row)

    def keep(self, kept: Iterable[tuple[int, Kept]]) -> None:
        """How far these devices have got."""
        with self._connection:
            self._connection.executemany(
                "UPDATE device SET seq = ?, life = ?, known = ? WHERE number = ?",
                ((one.seq, _written(one.life), one.known, number) for number, one in kept),
            )


@contextmanager
def opened_fleet(path: Path) -> Iterator[FleetFile]:
    """The fleet in the file. Raises NotFound, FleetUnusable."""
    if not path.is_file():
        raise NotFound(f"there is no fleet {path}: make one with `vigie-sim enrol` or `plant`")
    with _connected(path) as connection:
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            raise FleetUnusable(f"{path} is no fleet of vigie-sim: {error}") from error
        if version != _VERSION:
            raise FleetUnusable(f"{path} is no fleet of this vigie-sim: make it again")
        yield FleetFile(connection)


def require_new(path: Path) -> None:
    """Raises FleetUnusable when the file is there."""
    if path.exists():
        raise FleetUnusable(f"{path} is there already: name another file, or remove it")


@contextmanager
def new_fleet(path: Path, about: About) -> Iterator[FleetFile]:
    """A fleet without devices yet. Raises FleetUnusable when the file is there."""
    require_new(path)
    with _connected(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        with connection:
            connection.execute(
                "INSERT INTO fleet VALUES (?, ?, ?, ?)",
                (
                    about.seed,
                    about.epoch.isoformat(),
                    about.authority,
                    json.dumps(about.endpoints),
                ),
            )
        path.chmod(0o600)
        fleet = FleetFile(connection)
        try:
            yield fleet
        finally:
            if not fleet.count():
                path.unlink()  # nothing came of it


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def _written(life: Life) -> str:
    happened = {name: [one.times, one.last] for name, one in life.happened.items()}
    return json.dumps([life.now, life.step, happened])


def _read(text: str) -> Life:
    now, step, happened = json.loads(text)
    return Life(now, step, {name: Happened(*one) for name, one in happened.items()})
