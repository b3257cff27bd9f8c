"""Many devices with all that is known of them, in a few queries: what judging a fleet again reads.

Plain SQL, because it runs for every device of the fleet at each change of the rules.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.store.content import Forms
from vigie_server.store.database import Database
from vigie_server.store.instants import from_store
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.record_rows import record_of
from vigie_server.store.surroundings import surroundings_of
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import (
    GLIMPSES,
    KEY,
    RULE,
    VERDICTS,
    VerdictCells,
    unread_verdicts,
)
from vigie_server.store.waivers import waivers_of

DEVICE, SITE = table(DeviceRow), table(Site)

_SNAPSHOTS: Final = """
SELECT s.device_key, s.topic, s.revision, s.digest, s.observed_at, e.content
FROM snapshot s JOIN evidence e
  ON e.device_key = s.device_key AND e.revision = s.revision AND e.topic = s.topic
WHERE s.device_key IN ({keys})"""
_SOME_SNAPSHOTS: Final = """
SELECT s.device_key, s.topic, s.revision, s.digest, s.observed_at, e.content
FROM snapshot s LEFT JOIN evidence e ON s.topic IN ({topics})
  AND e.device_key = s.device_key AND e.revision = s.revision AND e.topic = s.topic
WHERE s.device_key IN ({keys})"""
_NO_TOPIC: Final = ""


def many_records(
    database: Database, keys: Sequence[int], topics: Collection[str] | None, *, glimpses: bool
) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
    """The records of those of the devices that exist, each with its topics' canonical forms.

    With `topics`, those of these alone. Verdicts are read when they are asked for; of `glimpses`
    there is nothing more to read than whether they stand.
    """
    if not keys:
        return ()  # PostgreSQL refuses an empty list
    with database.reading() as connection:
        rows = connection.execute(
            select(DEVICE, SITE.c.name.label("site"), SITE.c.networks, SITE.c.gateways)
            .join(SITE, SITE.c.key == DEVICE.c.site_key)
            .where(DEVICE.c.key.in_(keys))
        ).all()
        around = surroundings_of(connection, rows)
        records = {row.key: record_of(row, around[row.key]) for row in rows}
        forms = {key: Forms() for key in records}
        for key, topic, revision, digest, observed_at, content in plain_rows(
            database, connection, *_snapshots_of(topics), keys
        ):
            records[key].snapshots[topic] = HeldSnapshot(
                bytes(digest), from_store(observed_at), revision, None
            )
            if content is not None:
                forms[key].keep(topic, content)
        unread: dict[int, dict[str, VerdictCells]] = {key: {} for key in records}
        for row in plain_rows(database, connection, GLIMPSES if glimpses else VERDICTS, (), keys):
            unread[row[KEY]][row[RULE]] = row
        for key, verdicts in unread.items():
            records[key].verdicts = unread_verdicts(verdicts, glimpses=glimpses)
        for key, waivers in waivers_of(database, connection, list(records)).items():
            records[key].waivers.update(waivers)
    return [(record, forms[key]) for key, record in records.items()]


def _snapshots_of(topics: Collection[str] | None) -> tuple[str, Sequence[str]]:
    """The query, and the topics whose content it asks for."""
    if topics is None:
        return _SNAPSHOTS, ()
    return _SOME_SNAPSHOTS, tuple(topics) or (_NO_TOPIC,)


def plain_rows(
    database: Database,
    connection: Connection,
    sql: str,
    topics: Sequence[str],
    keys: Sequence[int],
) -> Any:
    """The driver's own tuples: a fleet has millions of rows, which need no names."""
    filled = sql.format(topics=_places(topics), keys=_places(keys))
    result = connection.exec_driver_sql(database.sql(filled), (*topics, *keys))
    try:
        return result.cursor.fetchall()
    finally:
        result.close()


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
