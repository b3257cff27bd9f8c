"""What processes over one store tell one another: a log of changes, read by every replica.

A row is written in the transaction whose changes it tells, so it is there exactly when they are. It
carries that transaction's number: keys are given out before a commit and become visible in another
order, but whoever reads all rows from the oldest transaction that was still open at its last look
misses none. Rows are kept for minutes; who was away for longer is told that something was missed.

SQLite has one serving process and one writer at a time: there the audit says what the command line
did, in order, and nothing is written here.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, case, func, or_, select

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.records import DeviceChange
from vigie_server.store.accesses import LOOKED
from vigie_server.store.database import Database
from vigie_server.store.instants import from_store, to_store
from vigie_server.store.models import Audit, DeviceRow, Site
from vigie_server.store.tables import table

DEVICE, SITE, AUDIT = table(DeviceRow), table(Site), table(Audit)

KEPT: Final = timedelta(minutes=10)
AWAY_FOR_AT_MOST: Final = KEPT / 2
"""Who read nothing for longer may have missed rows: clocks and the upkeep's rounds have room."""
PAGE: Final = 2_000
"""Rows read at once."""
GROUP_ACTS: Final = ("declared a group", "removed a group")
"""How acts begin that may put any device into a group, or out of one."""
TOGETHER: Final = 5_000
"""Devices told in one row."""
ASKED_AT_ONCE: Final = 500

_TELL: Final = """
INSERT INTO change (xid, at, origin, told)
VALUES (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
  CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT), %s, %s)"""
_OPEN: Final = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
_READ: Final = """
SELECT key, xid, origin, told FROM change
WHERE xid >= %s AND (xid, key) > (%s, %s) ORDER BY xid, key LIMIT %s"""
_FORGET: Final = """
DELETE FROM change
WHERE at < CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) - %s"""

_BARRED: Final = or_(DEVICE.c.disabled != "", DEVICE.c.state == DeviceState.QUARANTINED.value)

Revisions = Iterable[tuple[int, int]]
"""Keys of devices, each with the revision that its row came to."""


def tell_moved(connection: Connection, devices: Revisions) -> None:
    """These devices are to be read again before they are judged."""
    _tell_devices(connection, "moved", devices)


def tell_ended(connection: Connection, devices: Revisions) -> None:
    """Sessions of these devices that are older than the revision are over."""
    _tell_devices(connection, "ended", devices)


def tell_all_moved(connection: Connection) -> None:
    """Every device is to be read again before it is judged."""
    _tell(connection, {"all_moved": True})


def tell_act(connection: Connection, subject: str) -> None:
    """Somebody did something to a device, a site, a token."""
    _tell(connection, {"acts": [subject]})


def tell_shown(connection: Connection, keys: Collection[int]) -> None:
    """What readers see of these devices has changed, and nothing that judges them."""
    told = sorted(keys)
    for start in range(0, len(told), TOGETHER):
        _tell(connection, {"shown": told[start : start + TOGETHER]})


def tell_assessed(connection: Connection, site: int) -> None:
    """What the site of this key comes to has changed."""
    if _is_told(connection):
        name = connection.execute(select(SITE.c.name).where(SITE.c.key == site)).scalar()
        if name is not None:
            _tell(connection, {"assessed": [name]})


def tell_mail(connection: Connection) -> None:
    """Verdicts on mail domains have changed."""
    _tell(connection, {"mail": True})


def tell_commit(
    database: Database, connection: Connection, changes: Sequence[DeviceChange]
) -> None:
    """One group commit of devices' changes, by this process."""
    if not changes or not _is_told(connection):
        return
    last = {change.key: change for change in changes}
    shown = {change.key for change in changes if change.is_shown}
    told = {
        "committed": [[key, last[key].revision] for key in shown],
        "seen": [
            [change.key, change.revision, change.device_id, to_store(change.device.last_report_at)]
            for key, change in last.items()
            if key not in shown and change.device.last_report_at is not None
        ],
    }
    _tell(connection, told, origin=database.name)


def _tell_devices(connection: Connection, what: str, devices: Revisions) -> None:
    found = [[key, revision] for key, revision in devices]
    for start in range(0, len(found), TOGETHER):
        _tell(connection, {what: found[start : start + TOGETHER]})


def _tell(connection: Connection, told: Mapping[str, object], *, origin: str = "") -> None:
    if _is_told(connection):
        text = json.dumps(told, separators=(",", ":"))
        connection.exec_driver_sql(_TELL, (origin, text))


def _is_told(connection: Connection) -> bool:
    return connection.dialect.name != "sqlite"


def forget(database: Database) -> int:
    """Erases what is older than anybody needs it; gives how many rows."""
    if database.is_sqlite:
        return 0
    with database.writing() as connection:
        kept = KEPT // timedelta(microseconds=1)
        return connection.exec_driver_sql(_FORGET, (kept,)).rowcount


@dataclass(slots=True)
class Told:
    """The `Notices` of PostgreSQL. Used by one thread at a time."""

    database: Database
    floor: int | None = None
    _next: int = 0
    _after: tuple[int, int] = (0, 0)
    _between: bool = False
    _read: dict[int, int] = field(default_factory=dict)
    _read_at: float = 0

    def start(self) -> None:
        with self.database.reading() as connection:
            self._begin(self._open(connection))

    def since(self) -> Noticed:
        with self.database.reading() as connection:
            if not self._between:
                oldest = self._open(connection)
                away = monotonic() - self._read_at > AWAY_FOR_AT_MOST.total_seconds()
                if self.floor is None or away or oldest < self.floor:
                    self._begin(oldest)
                    return Noticed(missed=True, ended=_over(connection))
                self._next = oldest
                self._after = (self.floor - 1, 0)
            floor = self.floor or 0
            rows = connection.exec_driver_sql(_READ, (floor, *self._after, PAGE)).all()
            new = [row for row in rows if row.key not in self._read]
            full = len(rows) == PAGE
            noticed = _with_acts(connection, _noticed(new, self.database.name), more=full)
        self._read.update((row.key, row.xid) for row in rows)
        self._read_at = monotonic()
        self._between = full
        if self._between:
            self._after = (rows[-1].xid, rows[-1].key)
        else:
            self.floor = self._next
            self._read = {key: xid for key, xid in self._read.items() if xid >= self.floor}
        return noticed

    @staticmethod
    def _open(connection: Connection) -> int:
        """The oldest transaction that may still commit; older ones are all visible or undone."""
        return int(connection.exec_driver_sql(_OPEN).scalar_one())

    def _begin(self, floor: int) -> None:
        self.floor, self._between = floor, False
        self._read.clear()
        self._read_at = monotonic()


@dataclass(slots=True)
class Audited:
    """The `Notices` of SQLite: acts in the order of the audit. Used by one thread at a time."""

    database: Database
    _act: int = 0

    def start(self) -> None:
        with self.database.reading() as connection:
            newest = connection.execute(select(func.max(AUDIT.c.key))).scalar()
        self._act = int(newest or 0)

    def since(self) -> Noticed:
        query = (
            select(AUDIT.c.key, AUDIT.c.subject, AUDIT.c.action)
            .where(AUDIT.c.key > self._act)
            .order_by(AUDIT.c.key)
            .limit(PAGE)
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
            acts = (row.subject for row in rows if not row.action.startswith(LOOKED))
            subjects = tuple(dict.fromkeys(acts))
            # The audit does not say whom a group picked before: any device may show otherwise.
            regrouped = any(row.action.startswith(GROUP_ACTS) for row in rows)
            shown = tuple(connection.execute(select(DEVICE.c.key)).scalars()) if regrouped else ()
            seen = Noticed(subjects=subjects, shown=shown)
            noticed = _with_acts(connection, seen, more=len(rows) == PAGE)
        if rows:
            self._act = rows[-1].key
        return noticed


def notices_of(database: Database) -> "Told | Audited":
    """What follows the changes of other processes in this store."""
    return Audited(database) if database.is_sqlite else Told(database)


def _noticed(rows: Sequence[Any], name: str) -> Noticed:
    moved: dict[int, int] = {}
    ended: dict[int, int] = {}
    shown: dict[int, None] = {}
    seen: dict[str, int] = {}
    subjects: dict[str, None] = {}
    assessed: dict[str, None] = {}
    all_moved = mail = False
    for row in rows:
        if row.origin == name:  # what this process committed it knows
            continue
        told = json.loads(row.told)
        _raised(moved, told.get("moved", ()))
        _raised(ended, told.get("ended", ()))
        _raised(moved, told.get("committed", ()))
        shown.update(dict.fromkeys(key for key, _ in told.get("committed", ())))
        shown.update(dict.fromkeys(told.get("shown", ())))
        for key, revision, device_id, at in told.get("seen", ()):
            _raised(moved, [(key, revision)])
            seen[device_id] = max(at, seen.get(device_id, 0))
        subjects.update(dict.fromkeys(told.get("acts", ())))
        assessed.update(dict.fromkeys(told.get("assessed", ())))
        all_moved |= bool(told.get("all_moved"))
        mail |= bool(told.get("mail"))
    return Noticed(
        moved=moved,
        ended=ended,
        shown=tuple(shown),
        seen={device_id: from_store(at) for device_id, at in seen.items()},
        subjects=tuple(subjects),
        assessed=tuple(assessed),
        mail=mail,
        all_moved=all_moved,
    )


def _over(connection: Connection) -> Mapping[int, int]:
    """Below which revision a session is over, of each device that had one.

    That of its newest session; of a device that may not speak, whenever that was said, its row's.
    """
    query = select(
        DEVICE.c.key,
        case((_BARRED, DEVICE.c.revision), else_=DEVICE.c.session_revision).label("below"),
    ).where(or_(_BARRED, DEVICE.c.session_revision > 0))
    return {row.key: row.below for row in connection.execute(query)}


def _raised(into: dict[int, int], devices: Iterable[tuple[int, int]]) -> None:
    for key, revision in devices:
        into[key] = max(revision, into.get(key, 0))


def _with_acts(connection: Connection, noticed: Noticed, *, more: bool) -> Noticed:
    """What was noticed, with the devices among its subjects; those barred by an act are ended."""
    acted: dict[int, int] = {}
    ended = dict(noticed.ended)
    asked = list(noticed.subjects)
    for start in range(0, len(asked), ASKED_AT_ONCE):
        query = select(DEVICE.c.key, DEVICE.c.revision, _BARRED.label("barred")).where(
            DEVICE.c.id.in_(asked[start : start + ASKED_AT_ONCE])
        )
        for row in connection.execute(query):
            acted[row.key] = row.revision
            if row.barred:
                _raised(ended, [(row.key, row.revision)])
    return replace(noticed, acted=acted, ended=ended, more=more)
