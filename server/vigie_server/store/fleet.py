"""What readers see: devices, verdicts, transitions. The `FleetReader` and `ViewStore`."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    exists,
    select,
    text,
    type_coerce,
)

from vigie_server.domain.devices import Device
from vigie_server.domain.errors import NotFound
from vigie_server.domain.score import DECISIVE
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.ports.readers import DeviceFilter, Page, TransitionRecord, VerdictRecord
from vigie_server.store.change_lists import transition_record
from vigie_server.store.circumstances import missing_since, open_conflicts
from vigie_server.store.database import Database
from vigie_server.store.device_entries import REVOKED
from vigie_server.store.device_groups import groups_of
from vigie_server.store.instants import from_store_or_none
from vigie_server.store.models import DeviceRow, Site, SnapshotRow, TransitionRow, VerdictRow
from vigie_server.store.record_rows import device_of, verdict_record
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)
VERDICT, TRANSITION = table(VerdictRow), table(TransitionRow)
SNAPSHOT = table(SnapshotRow)
STANDING: Final = select(
    VERDICT.c.device_key,
    VERDICT.c.rule,
    VERDICT.c.status,
    type_coerce(VERDICT.c.since, BigInteger),
    type_coerce(VERDICT.c.failing_since, BigInteger),
    VERDICT.c.waived,
    VERDICT.c.measures,
)
_UNKNOWN: Final = Status.UNKNOWN.value
STANDING_KEPT: Final = 16_384
"""Standing verdicts kept at hand: those of a fleet are few, but for when they began to fail."""


class Fleet:
    """Reads the fleet. `severities` are those of the rules in force; others count as minor.

    `audited_since`: what the audit no longer knows is at least as old.
    """

    def __init__(
        self,
        database: Database,
        severities: Mapping[str, Severity],
        audited_since: Callable[[], datetime] | None = None,
    ) -> None:
        self._database = database
        self._severities = severities
        self._audited_since = audited_since

    def devices(self, wanted: DeviceFilter, *, after: str | None, limit: int) -> Page:
        query = _devices().order_by(DEVICE.c.id).limit(limit + 1)
        if after is not None:
            query = query.where(DEVICE.c.id > after)
        query = _narrowed(query, wanted)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            views = self._views(connection, rows[:limit])
        more = len(rows) > limit
        return Page(
            devices=[view for _, view in views], next_after=rows[limit - 1].id if more else None
        )

    def device(self, device_id: str) -> Device:
        with self._database.reading() as connection:
            return device_of(_found(connection, device_id))

    def verdicts(self, device_id: str) -> Sequence[VerdictRecord]:
        with self._database.reading() as connection:
            key = _found(connection, device_id).key
            rows = connection.execute(
                select(VERDICT).where(VERDICT.c.device_key == key).order_by(VERDICT.c.rule)
            )
            return [verdict_record(row) for row in rows]

    def transitions(self, device_id: str, *, limit: int) -> Sequence[TransitionRecord]:
        with self._database.reading() as connection:
            key = _found(connection, device_id).key
            rows = connection.execute(
                select(TRANSITION)
                .where(TRANSITION.c.device_key == key)
                .order_by(TRANSITION.c.at.desc(), TRANSITION.c.key.desc())
                .limit(limit)
            )
            return [transition_record(row) for row in rows]

    def reported_topics(self, device_id: str) -> Mapping[str, datetime]:
        with self._database.reading() as connection:
            key = _found(connection, device_id).key
            rows = connection.execute(
                select(SNAPSHOT.c.topic, SNAPSHOT.c.observed_at).where(SNAPSHOT.c.device_key == key)
            )
            return {row.topic: row.observed_at for row in rows}

    def site_exists(self, name: str) -> bool:
        with self._database.reading() as connection:
            return (
                connection.execute(select(SITE.c.key).where(SITE.c.name == name)).first()
                is not None
            )

    def ready(self) -> None:
        with self._database.reading() as connection:
            connection.execute(select(1)).scalar()

    def views_after(self, key: int, *, limit: int) -> Sequence[tuple[int, DeviceView]]:
        query = _devices().where(DEVICE.c.key > key).order_by(DEVICE.c.key).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            if not rows:
                return []
            theirs = VERDICT.c.device_key.between(rows[0].key, rows[-1].key)
            return self._views(connection, rows, theirs)

    def views_of(self, keys: Collection[int]) -> Sequence[tuple[int, DeviceView]]:
        query = _devices().where(DEVICE.c.key.in_(list(keys)))
        with self._database.reading() as connection:
            return self._views(connection, connection.execute(query).all())

    def _views(
        self,
        connection: Connection,
        rows: Sequence[Row[Any]],
        theirs: ColumnElement[bool] | None = None,
    ) -> list[tuple[int, DeviceView]]:
        """The views of these devices; `theirs`: their verdicts, by less than a list of keys."""
        verdicts: dict[int, dict[str, StandingVerdict]] = {row.key: {} for row in rows}
        measures: dict[int, dict[str, float]] = {row.key: {} for row in rows}
        wanted = VERDICT.c.device_key.in_(list(verdicts)) if theirs is None else theirs
        severities = self._severities
        # Some fifty rows a device: columns as the driver gives them, verdicts that are shared.
        for key, rule, status, since, failing, waived, measured in connection.execute(
            STANDING.where(wanted)
        ):
            severity = severities.get(rule, Severity.MINOR)
            lacking = since if status == _UNKNOWN and severity in DECISIVE else None
            verdicts[key][rule] = _standing(status, severity, failing, lacking, waived)
            if measured != "{}":
                measures[key].update(json.loads(measured))
        missing = missing_since(connection, rows, self._audited_since)
        conflicts = open_conflicts(connection, rows)
        groups = groups_of(connection, rows)
        return [
            (
                row.key,
                DeviceView(
                    device_of(row),
                    verdicts[row.key],
                    measures[row.key],
                    missing.get(row.key),
                    conflicts.get(row.key, 0),
                    groups.get(row.key, ()),
                ),
            )
            for row in rows
        ]


@lru_cache(STANDING_KEPT)
def _standing(
    status: str,
    severity: Severity,
    failing_since: int | None,
    unknown_since: int | None,
    waived: bool,  # noqa: FBT001 (a column)
) -> StandingVerdict:
    return StandingVerdict(
        status=Status(status),
        severity=severity,
        failing_since=None if waived else from_store_or_none(failing_since),
        waived=bool(waived) and status == Status.FAIL.value,
        unknown_since=from_store_or_none(unknown_since),
    )


def _devices() -> Select[Any]:
    return select(DEVICE, SITE.c.name.label("site")).join(SITE, SITE.c.key == DEVICE.c.site_key)


def _narrowed(query: Select[Any], wanted: DeviceFilter) -> Select[Any]:
    if wanted.sites is not None:
        query = query.where(SITE.c.name.in_(sorted(wanted.sites)))
    if wanted.platform is not None:
        query = query.where(DEVICE.c.platform == wanted.platform)
    if wanted.state is not None:
        query = query.where(DEVICE.c.state == wanted.state)
    if wanted.revoked is not None:
        query = query.where(text(REVOKED if wanted.revoked else f"NOT {REVOKED}"))
    if wanted.rule is None and wanted.status is None:
        return query
    verdict = select(VERDICT.c.device_key).where(VERDICT.c.device_key == DEVICE.c.key)
    if wanted.rule is not None:
        verdict = verdict.where(VERDICT.c.rule == wanted.rule)
    if wanted.status is not None:
        verdict = verdict.where(VERDICT.c.status == wanted.status.value)
    return query.where(exists(verdict))


def _found(connection: Connection, device_id: str) -> Row[Any]:
    row = connection.execute(_devices().where(DEVICE.c.id == device_id)).one_or_none()
    if row is None:
        raise NotFound(f"no device {device_id}")
    return row
