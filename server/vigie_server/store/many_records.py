"""Many devices with all that is known of them, in a few queries: what judging a fleet again reads.

Plain SQL, because it runs for every device of the fleet at each change of the rules.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.ports.sessions import Place
from vigie_server.store.content import Forms, unpacked
from vigie_server.store.database import Database
from vigie_server.store.instants import from_store
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.record_rows import record_of
from vigie_server.store.surroundings import surroundings_of
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import (
    GLANCES,
    GLIMPSES,
    IN_ONE_ROW,
    KEY,
    RULE,
    VERDICTS,
    VerdictCells,
    glanced_verdicts,
    unread_verdicts,
)
from vigie_server.store.waivers import waivers_of

DEVICE, SITE = table(DeviceRow), table(Site)

DEVICES: Final = select(DEVICE, SITE.c.name.label("site"), SITE.c.networks, SITE.c.gateways).join(
    SITE, SITE.c.key == DEVICE.c.site_key
)
"""Rows that `record_of` reads."""
FORMS_AT_ONCE: Final = 1_000
_THESE: Final = DEVICES.where(DEVICE.c.key.in_(bindparam("keys", expanding=True)))
SNAPSHOTS: Final = """
SELECT device_key, topic, revision, digest, observed_at
FROM snapshot WHERE device_key IN ({keys})"""
_WITH_CONTENT: Final = """
SELECT s.device_key, s.topic, s.revision, s.digest, s.observed_at, e.content
FROM snapshot s JOIN evidence e
  ON e.device_key = s.device_key AND e.revision = s.revision AND e.topic = s.topic
WHERE s.device_key IN ({keys})"""
CONTENT: Final = """
WITH wanted (device_key, revision, topic) AS (VALUES {places})
SELECT e.device_key, e.revision, e.topic, e.content FROM wanted w JOIN evidence e
  ON e.device_key = w.device_key AND e.revision = w.revision AND e.topic = w.topic"""
"""A join: for a row that is in a list SQLite goes through the whole table."""


def many_records(
    database: Database, keys: Sequence[int], *, glimpses: bool = False, glance: bool = False
) -> Sequence[DeviceRecord]:
    """The records of those of the devices that exist.

    Verdicts are read when they are asked for; of `glimpses` there is nothing more to read than
    whether they stand, and of a `glance` whether all of them do.
    """
    if not keys:
        return ()  # PostgreSQL refuses an empty list
    with database.reading() as connection:
        records = _records(database, connection, keys)
        if glance:
            _glance(database, connection, keys, records)
        else:
            _take_verdicts(database, connection, keys, records, glimpses=glimpses)
        for key, topic, revision, digest, observed_at in plain_rows(
            database, connection, SNAPSHOTS, keys
        ):
            records[key].snapshots[topic] = HeldSnapshot(
                bytes(digest), from_store(observed_at), revision, None
            )
    return list(records.values())


def many_with_forms(
    database: Database, keys: Sequence[int]
) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
    """The same, each with its topics' canonical forms."""
    if not keys:
        return ()
    with database.reading() as connection:
        records = _records(database, connection, keys)
        _take_verdicts(database, connection, keys, records, glimpses=False)
        forms = {key: Forms() for key in records}
        for key, topic, revision, digest, observed_at, content in plain_rows(
            database, connection, _WITH_CONTENT, keys
        ):
            records[key].snapshots[topic] = HeldSnapshot(
                bytes(digest), from_store(observed_at), revision, None
            )
            forms[key].keep(topic, content)
    return [(record, forms[key]) for key, record in records.items()]


def forms_at(database: Database, places: Sequence[Place]) -> Mapping[Place, bytes]:
    """The canonical forms of evidence, of what is there of it."""
    found: dict[Place, bytes] = {}
    with database.reading() as connection:
        for start in range(0, len(places), FORMS_AT_ONCE):
            some = places[start : start + FORMS_AT_ONCE]
            sql = CONTENT.format(places=", ".join(["(?, ?, ?)"] * len(some)))
            values = [value for place in some for value in place]
            for key, revision, topic, content in _fetched(database, connection, sql, values):
                found[key, revision, topic] = unpacked(bytes(content))
    return found


def _records(
    database: Database, connection: Connection, keys: Sequence[int]
) -> dict[int, DeviceRecord]:
    """All but their verdicts and snapshots."""
    rows = connection.execute(_THESE, {"keys": keys}).all()
    around = surroundings_of(connection, rows)
    records = {row.key: record_of(row, around[row.key]) for row in rows}
    for key, waivers in waivers_of(database, connection, list(records)).items():
        records[key].waivers.update(waivers)
    return records


def _take_verdicts(
    database: Database,
    connection: Connection,
    keys: Sequence[int],
    records: Mapping[int, DeviceRecord],
    *,
    glimpses: bool,
) -> None:
    unread: dict[int, dict[str, VerdictCells]] = {key: {} for key in records}
    sql = GLIMPSES if glimpses else VERDICTS
    for cells in plain_rows(database, connection, sql, keys):
        unread[cells[KEY]][cells[RULE]] = cells
    for key, verdicts in unread.items():
        records[key].verdicts = unread_verdicts(verdicts, glimpses=glimpses)


def _glance(
    database: Database,
    connection: Connection,
    keys: Sequence[int],
    records: Mapping[int, DeviceRecord],
) -> None:
    """One of them that has no verdict yet keeps none, as it is made."""
    sql = GLANCES.format(**IN_ONE_ROW[database.is_sqlite], keys="{keys}")
    for row in plain_rows(database, connection, sql, keys):
        records[row[KEY]].verdicts = glanced_verdicts(row)


def plain_rows(
    database: Database, connection: Connection, sql: str, keys: Sequence[int]
) -> Sequence[Any]:
    """The driver's own tuples: a fleet has millions of rows, which need no names."""
    return _fetched(database, connection, sql.format(keys=", ".join("?" * len(keys))), keys)


def _fetched(
    database: Database, connection: Connection, sql: str, values: Sequence[object]
) -> Sequence[Any]:
    result = connection.exec_driver_sql(database.sql(sql), tuple(values))
    try:
        rows: Sequence[Any] = result.cursor.fetchall()
    finally:
        result.close()
    return rows
