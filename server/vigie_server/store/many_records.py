"""Many devices with all that is known of them, in a few queries: what judging a fleet again reads.

Plain SQL, because it runs for every device of the fleet at each change of the rules. A fleet says
the same things over and over: texts that come again are read once.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, select

from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import DeviceRecord, HeldSnapshot, HeldVerdict
from vigie_server.domain.unread import UnreadVerdicts
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.store.content import Forms
from vigie_server.store.database import Database
from vigie_server.store.instants import from_store, from_store_or_none
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.record_rows import record_of
from vigie_server.store.surroundings import surroundings_of
from vigie_server.store.tables import table
from vigie_server.store.waivers import waivers_of

TEXTS_KEPT: Final = 8_192
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
_VERDICTS: Final = """
SELECT device_key, rule, rule_version, status, reason, offending, measures, since, failing_since,
  next_check_at, passing_since, waived
FROM verdict WHERE device_key IN ({keys})"""
_KEY, _RULE, _STATUS, _NEXT_CHECK, _WAIVED = 0, 1, 3, 9, 11
"""Places in a row of `_VERDICTS`."""
_NO_TOPIC: Final = ""
_NOTHING_MEASURED: Final[Mapping[str, float]] = {}
_STATUSES: Final = {status.value: status for status in Status}


def many_records(
    database: Database, keys: Sequence[int], topics: Collection[str] | None
) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
    """The records of those of the devices that exist, each with its topics' canonical forms.

    With `topics`, those of these, and verdicts that are read when they are asked for.
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
        for key, topic, revision, digest, observed_at, content in _rows(
            database, connection, *_snapshots_of(topics), keys
        ):
            records[key].snapshots[topic] = HeldSnapshot(
                bytes(digest), from_store(observed_at), revision, None
            )
            if content is not None:
                forms[key].keep(topic, content)
        unread: dict[int, dict[str, Sequence[Any]]] = {key: {} for key in records}
        for row in _rows(database, connection, _VERDICTS, (), keys):
            unread[row[_KEY]][row[_RULE]] = row
        for key, verdicts in unread.items():
            if topics is None:
                held = {rule: _held(row) for rule, row in verdicts.items()}
                records[key].verdicts = held
            else:
                records[key].verdicts = UnreadVerdicts(verdicts, _held, _standing, _next_check)
        for key, waivers in waivers_of(database, connection, list(records)).items():
            records[key].waivers.update(waivers)
    return [(record, forms[key]) for key, record in records.items()]


def _snapshots_of(topics: Collection[str] | None) -> tuple[str, Sequence[str]]:
    """The query, and the topics whose content it asks for."""
    if topics is None:
        return _SNAPSHOTS, ()
    return _SOME_SNAPSHOTS, tuple(topics) or (_NO_TOPIC,)


def _rows(
    database: Database,
    connection: Connection,
    sql: str,
    topics: Sequence[str],
    keys: Sequence[int],
) -> Any:
    filled = sql.format(topics=_places(topics), keys=_places(keys))
    return connection.exec_driver_sql(database.sql(filled), (*topics, *keys)).all()


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _standing(row: Sequence[Any]) -> tuple[Status, bool]:
    return _STATUSES[row[_STATUS]], bool(row[_WAIVED])


def _next_check(row: Sequence[Any]) -> datetime | None:
    return from_store_or_none(row[_NEXT_CHECK])


def _held(row: Sequence[Any]) -> HeldVerdict:
    _, rule, version, status, reason, offending, measures, *standing = row
    since, failing, next_check_at, passing, waived = standing
    next_check = from_store_or_none(next_check_at)
    verdict = Verdict(
        rule,
        version,
        _STATUSES[status],
        _mapping(reason),
        _offending(offending) if offending != "[]" else (),
        next_check,
        _mapping(measures) if measures != "{}" else _NOTHING_MEASURED,
    )
    return HeldVerdict(
        verdict,
        from_store(since),
        from_store_or_none(failing),
        next_check,
        from_store_or_none(passing),
        bool(waived),
    )


@lru_cache(TEXTS_KEPT)
def _mapping(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text)
    return found


@lru_cache(TEXTS_KEPT)
def _offending(text: str) -> tuple[FactRow, ...]:
    return tuple(json.loads(text))
