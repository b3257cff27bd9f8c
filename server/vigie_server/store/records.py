"""Devices as the sessions need them: found by certificate, loaded, started, committed."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, or_, select, update

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import UnknownDevice
from vigie_server.domain.records import DeviceChange, DeviceRecord, HeldSnapshot
from vigie_server.domain.surroundings import Surroundings
from vigie_server.domain.unread import UnreadVerdicts
from vigie_server.ports.sessions import Peer, Place, Seen, SessionStart
from vigie_server.store import changes, commits, judged_with
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database, retried
from vigie_server.store.greetings import greeted_records
from vigie_server.store.many_records import DEVICES, forms_at, many_records, many_with_forms
from vigie_server.store.models import Audit, DeviceRow, SnapshotRow, VerdictRow
from vigie_server.store.record_rows import record_of
from vigie_server.store.surroundings import surroundings_of
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import RULE, VERDICTS, VerdictCells, unread_verdicts
from vigie_server.store.waivers import waivers_of

DEVICE, SNAPSHOT, VERDICT = table(DeviceRow), table(SnapshotRow), table(VerdictRow)
AUDIT = table(Audit)

# Made once: these run at every visit of every device.
_DEVICE = DEVICES.where(DEVICE.c.key == bindparam("key"))
_SNAPSHOTS = select(
    SNAPSHOT.c.topic, SNAPSHOT.c.digest, SNAPSHOT.c.observed_at, SNAPSHOT.c.revision
).where(SNAPSHOT.c.device_key == bindparam("key"))
_VERDICTS = VERDICTS.format(keys="?")
# Of a device that is revoked a waiver ends all the same.
_JUDGED = or_(
    DEVICE.c.disabled == "",
    and_(VERDICT.c.waived, DEVICE.c.state != DeviceState.RETIRED.value),
)
_CONTENT = "SELECT content FROM evidence WHERE device_key = ? AND revision = ? AND topic = ?"


class Records:
    """The `RecordStore` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_shared(self) -> bool:
        return not self._database.is_sqlite

    def greeted(self, peers: Sequence[Peer]) -> Sequence[DeviceRecord | None]:
        with self._database.reading() as connection:
            return greeted_records(self._database, connection, peers)

    def around(self, key: int) -> Surroundings:
        with self._database.reading() as connection:
            row = connection.execute(_DEVICE, {"key": key}).one_or_none()
            if row is None:
                raise UnknownDevice("no such device")
            return surroundings_of(connection, [row])[key]

    def record(self, key: int) -> DeviceRecord:
        with self._database.reading() as connection:
            row = connection.execute(_DEVICE, {"key": key}).one_or_none()
            if row is None:
                raise UnknownDevice("no such device")
            record = record_of(row, surroundings_of(connection, [row])[key])
            record.snapshots.update(_snapshots(connection, key))
            record.verdicts = unread_verdicts(self._verdict_rows(connection, key))
            record.waivers.update(waivers_of(self._database, connection, [key]).get(key, {}))
        return record

    def _verdict_rows(self, connection: Connection, key: int) -> dict[str, VerdictCells]:
        found = connection.exec_driver_sql(self._database.sql(_VERDICTS), (key,)).all()
        return {row[RULE]: row for row in found}

    def many(
        self, keys: Sequence[int], *, glimpses: bool = False, glance: bool = False
    ) -> Sequence[DeviceRecord]:
        return many_records(self._database, keys, glimpses=glimpses, glance=glance)

    def many_with_forms(
        self, keys: Sequence[int]
    ) -> Sequence[tuple[DeviceRecord, Mapping[str, bytes]]]:
        return many_with_forms(self._database, keys)

    def forms_at(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        return forms_at(self._database, places)

    def read_verdicts(self, record: DeviceRecord) -> None:
        with self._database.reading() as connection:
            rows = self._verdict_rows(connection, record.key)
        if isinstance(record.verdicts, UnreadVerdicts):
            record.verdicts.read_in_full(rows)

    def contents(self, key: int, snapshots: Mapping[str, int]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        content = self._database.sql(_CONTENT)
        with self._database.reading() as connection:
            for topic, revision in snapshots.items():
                stored = connection.exec_driver_sql(content, (key, revision, topic)).scalar()
                if stored is not None:
                    found[topic] = unpacked(stored)
        return found

    @retried
    def start_sessions(self, starts: Sequence[SessionStart]) -> Sequence[int | None]:
        in_order = sorted(starts, key=lambda start: start.key)  # as every writer locks rows
        with self._database.writing() as connection:
            begun = {start.key: _started(connection, start) for start in in_order}
            moved = [(key, revision) for key, revision in begun.items() if revision is not None]
            changes.tell_ended(connection, moved)
        return [begun[start.key] for start in starts]

    @retried
    def quarantine(self, key: int, *, reason: str, at: datetime) -> None:
        with self._database.writing() as connection:
            device_id = connection.execute(
                update(DEVICE)
                .where(DEVICE.c.key == key)
                .where(DEVICE.c.state.in_([DeviceState.ACTIVE.value, DeviceState.PENDING.value]))
                .values(state=DeviceState.QUARANTINED.value, revision=DEVICE.c.revision + 1)
                .returning(DEVICE.c.id)
            ).scalar()
            if device_id is not None:
                connection.execute(
                    AUDIT.insert().values(
                        at=at, actor="server", action=f"quarantined: {reason}", subject=device_id
                    )
                )
                changes.tell_act(connection, device_id)

    def commit(self, made: Sequence[DeviceChange], seen: Sequence[Seen]) -> frozenset[int]:
        return commits.commit(self._database, made, seen)

    def due(self, *, now: datetime, limit: int) -> Mapping[int, Sequence[str]]:
        query = (
            select(VERDICT.c.device_key, VERDICT.c.rule)
            .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
            .where(VERDICT.c.next_check_at <= now)
            .where(_JUDGED)
            .order_by(VERDICT.c.next_check_at)
            .limit(limit)
        )
        found: dict[int, list[str]] = {}
        with self._database.reading() as connection:
            for key, rule in connection.execute(query):
                found.setdefault(key, []).append(rule)
        return found

    def due_since(self, *, now: datetime) -> datetime | None:
        query = (
            select(VERDICT.c.next_check_at)
            .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
            .where(VERDICT.c.next_check_at <= now)
            .where(_JUDGED)
            .order_by(VERDICT.c.next_check_at)
            .limit(1)
        )
        with self._database.reading() as connection:
            found: datetime | None = connection.execute(query).scalar_one_or_none()
        return found

    def judged_otherwise(self, digest: str, *, limit: int) -> Mapping[int, str]:
        with self._database.reading() as connection:
            return judged_with.judged_otherwise(connection, digest, limit=limit)


def _started(connection: Connection, start: SessionStart) -> int | None:
    same_spool = DEVICE.c.spool_id == start.spool_id
    revision: int | None = connection.execute(
        update(DEVICE)
        .where(DEVICE.c.key == start.key)
        .where(DEVICE.c.boot_ids == json.dumps(list(start.boot_ids_before)))
        .where(DEVICE.c.disabled == "")
        .where(DEVICE.c.state != DeviceState.QUARANTINED.value)
        .values(
            revision=DEVICE.c.revision + 1,
            session_revision=DEVICE.c.revision + 1,
            last_seq=case((same_spool, DEVICE.c.last_seq), else_=0),
            spool_id=start.spool_id,
            boot_ids=json.dumps(list(start.boot_ids)),
            agent_version=start.agent_version,
            engine=start.engine,
            dropped_reports=start.dropped_reports,
            last_seen_at=start.at,
            clock_skew_seconds=(DEVICE.c.clock_skew_seconds if start.skew is None else start.skew),
        )
        .returning(DEVICE.c.revision)
    ).scalar()
    return revision


def _snapshots(connection: Connection, key: int) -> Mapping[str, HeldSnapshot]:
    rows = connection.execute(_SNAPSHOTS, {"key": key})
    return {
        topic: HeldSnapshot(digest, observed_at, revision, None)
        for topic, digest, observed_at, revision in rows
    }
