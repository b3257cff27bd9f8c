"""How many devices hold each verdict of a rule, moved in the transaction that moves the verdicts.

A count over every site would otherwise read each verdict of the fleet. Rows are written in the
order of their keys and after all devices of the transaction: two writers never wait for each other
in a circle. `recounted` says what the counts must come to.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.verdicts import Status
from vigie_server.store.database import Database
from vigie_server.store.models import EVERY_SITE, DeviceRow, RuleCount, VerdictRow
from vigie_server.store.tables import table

COUNT, DEVICE, VERDICT = table(RuleCount), table(DeviceRow), table(VerdictRow)

WAIVED: Final = "waived"
COLUMNS: Final = {
    Status.PASS.value: "passing",
    Status.FAIL.value: "failing",
    WAIVED: WAIVED,
    Status.UNKNOWN.value: "unknown",
    Status.NOT_APPLICABLE.value: "not_applicable",
}
"""The column that counts each status; a fail under a waiver counts as waived alone."""
AT_ONCE: Final = 2_000

_BEFORE: Final = """
WITH written (device_key, rule) AS (VALUES {places})
SELECT written.device_key, written.rule, device.site_key, verdict.status, verdict.waived
FROM written
JOIN device ON device.key = written.device_key AND device.state <> 'retired'
LEFT JOIN verdict ON verdict.device_key = written.device_key AND verdict.rule = written.rule"""
_FIRST_PLACE: Final = "(CAST(? AS BIGINT), CAST(? AS TEXT))"
_MOVE: Final = f"""
INSERT INTO rule_count (site_key, rule, {", ".join(COLUMNS.values())})
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site_key, rule) DO UPDATE SET
  {", ".join(f"{name} = rule_count.{name} + excluded.{name}" for name in COLUMNS.values())}"""  # noqa: S608 (our own names)

Place = tuple[int, str]
"""A device's key and a rule."""


def counted_as(status: str, *, waived: bool) -> str:
    """The column that counts a verdict."""
    accepted = waived and status == Status.FAIL.value
    return COLUMNS[WAIVED if accepted else status]


def move(
    database: Database, connection: Connection, after: Mapping[Place, tuple[str, bool] | None]
) -> None:
    """Moves the counts for verdicts that are about to be written, or (None) taken away."""
    moved: Counter[tuple[int, str, str]] = Counter()
    for key, rule, site, status, waived in _standing(database, connection, list(after)):
        before = None if status is None else counted_as(status, waived=bool(waived))
        written = after[key, rule]
        now = None if written is None else counted_as(written[0], waived=written[1])
        if before != now:
            _note(moved, site, rule, before, -1)
            _note(moved, site, rule, now, 1)
    _write(database, connection, moved)


def take_out(database: Database, connection: Connection, device_key: int) -> None:
    """Counts a device no more, with all its verdicts."""
    rows = connection.execute(
        select(DEVICE.c.site_key, VERDICT.c.rule, VERDICT.c.status, VERDICT.c.waived)
        .join(VERDICT, VERDICT.c.device_key == DEVICE.c.key)
        .where(DEVICE.c.key == device_key)
    )
    moved: Counter[tuple[int, str, str]] = Counter()
    for row in rows:
        _note(moved, row.site_key, row.rule, counted_as(row.status, waived=row.waived), -1)
    _write(database, connection, moved)


def recounted(connection: Connection) -> Mapping[tuple[int, str], Mapping[str, int]]:
    """The counts by site and rule as every verdict in the store gives them."""
    status = case(
        ((VERDICT.c.status == Status.FAIL.value) & VERDICT.c.waived, WAIVED),
        else_=VERDICT.c.status,
    ).label("status")
    query = (
        select(DEVICE.c.site_key, VERDICT.c.rule, status, func.count().label("devices"))
        .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
        .where(DEVICE.c.state != DeviceState.RETIRED.value)
        .group_by(DEVICE.c.site_key, VERDICT.c.rule, status)
    )
    found: dict[tuple[int, str], dict[str, int]] = {}
    for site, rule, held, devices in connection.execute(query):
        for place in ((site, rule), (EVERY_SITE, rule)):
            counts = found.setdefault(place, dict.fromkeys(COLUMNS.values(), 0))
            counts[COLUMNS[held]] += devices
    return found


def _standing(
    database: Database, connection: Connection, places: Sequence[Place]
) -> Iterable[tuple[Any, ...]]:
    for start in range(0, len(places), AT_ONCE):
        few = places[start : start + AT_ONCE]
        marks = ", ".join((_FIRST_PLACE, *("(?, ?)" for _ in few[1:])))
        values = tuple(value for place in few for value in place)
        yield from connection.exec_driver_sql(database.sql(_BEFORE.format(places=marks)), values)


def _note(
    moved: Counter[tuple[int, str, str]], site: int, rule: str, column: str | None, step: int
) -> None:
    if column is not None:
        moved[site, rule, column] += step
        moved[EVERY_SITE, rule, column] += step


def _write(
    database: Database, connection: Connection, moved: Mapping[tuple[int, str, str], int]
) -> None:
    places: Collection[Place] = {(site, rule) for (site, rule, _), step in moved.items() if step}
    rows = [
        (site, rule, *(moved.get((site, rule, column), 0) for column in COLUMNS.values()))
        for site, rule in sorted(places)
    ]
    if rows:
        connection.exec_driver_sql(database.sql(_MOVE), rows)
