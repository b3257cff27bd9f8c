"""Waivers in the store: granted, ended, listed, and loaded with the records of their devices.

Granting and ending raise the revision of each device and make its verdict due: the session that is
open resumes, and the sweeper judges that rule again and lays the overlay, or takes it off.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.verdicts import Status
from vigie_server.domain.waivers import NewWaiver, RowKeys, Waiver, accepted_rows
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.ports.waiving import WaivedDeviceRecord, WaiverRecord
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import WaivedDevice
from vigie_server.store.declared_models import Waiver as WaiverRow
from vigie_server.store.instants import from_store
from vigie_server.store.locking import lock
from vigie_server.store.models import DeviceRow, VerdictRow
from vigie_server.store.rejudging import judge_rule_again, record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

WAIVER, WAIVED = table(WaiverRow), table(WaivedDevice)
DEVICE, VERDICT = table(DeviceRow), table(VerdictRow)

_PREFIX: Final = "w"
_OF_DEVICES: Final = """
SELECT d.device_key, w.key, w.rule, d.rows, w.expires_at
FROM waived_device d JOIN waiver w ON w.key = d.waiver_key
WHERE d.device_key IN ({keys}) AND d.reopened_at IS NULL AND w.ended_at IS NULL
ORDER BY w.key"""


class Waivers:
    """The `WaiverStore` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def grant(
        self, site: str, given: NewWaiver, keys: RowKeys, act: Act
    ) -> tuple[WaiverRecord, bool]:
        with self._database.writing() as connection:
            at_site = site_key(connection, site)
            devices = _devices(connection, at_site, given.devices)
            same = _same(connection, site, at_site, given, act.at)
            if same is not None:
                return same, False
            bound = {device.key: _bound(connection, device, given.rule, keys) for device in devices}
            key = connection.execute(
                WAIVER.insert()
                .values(
                    site_key=at_site,
                    rule=given.rule,
                    reason=given.reason,
                    author=given.author,
                    approver=given.approver,
                    at=act.at,
                    expires_at=given.expires_at,
                )
                .returning(WAIVER.c.key)
            ).scalar_one()
            connection.execute(
                WAIVED.insert(),
                [
                    {"waiver_key": key, "device_key": device, "rows": rows}
                    for device, rows in bound.items()
                ],
            )
            judge_rule_again(connection, list(bound), given.rule, at=act.at)
            _note(connection, devices, f"waived: {given.rule}", act)
            return _record(connection, site, key), True

    @retried
    def end(
        self,
        site: str,
        waiver_id: str,
        act: Act,
        require: Require[WaiverRecord] = whatever,
    ) -> WaiverRecord:
        key = _key(waiver_id)
        with self._database.writing() as connection:
            lock(connection, WAIVER, WAIVER.c.key == key)
            found = _found(connection, site, waiver_id)
            require(_record(connection, site, key))
            if found.ended_at is None:
                connection.execute(
                    update(WAIVER).where(WAIVER.c.key == key).values(ended_at=act.at)
                )
                devices = connection.execute(
                    select(DEVICE.c.key, DEVICE.c.id)
                    .join(WAIVED, WAIVED.c.device_key == DEVICE.c.key)
                    .where(WAIVED.c.waiver_key == key)
                ).all()
                concerned = [device.key for device in devices]
                judge_rule_again(connection, concerned, found.rule, at=act.at)
                _note(connection, devices, f"waiver ended: {found.rule}", act)
            return _record(connection, site, key)

    def waiver(self, site: str, waiver_id: str) -> WaiverRecord:
        with self._database.reading() as connection:
            return _record(connection, site, _found(connection, site, waiver_id).key)

    def waivers(self, site: str) -> Sequence[WaiverRecord]:
        with self._database.reading() as connection:
            at_site = site_key(connection, site)
            return _records(connection, site, at_site)


def waivers_of(
    database: Database, connection: Connection, keys: Sequence[int]
) -> Mapping[int, Mapping[str, tuple[Waiver, ...]]]:
    """By device and rule, what is neither ended nor reopened; devices without any are absent."""
    found: dict[int, dict[str, tuple[Waiver, ...]]] = {}
    if not keys:
        return found
    sql = database.sql(_OF_DEVICES.format(keys=", ".join("?" * len(keys))))
    for device, key, rule, rows, expires_at in connection.exec_driver_sql(sql, tuple(keys)):
        waiver = Waiver(key, rule, tuple(json.loads(rows)), from_store(expires_at))
        rules = found.setdefault(device, {})
        rules[rule] = (*rules.get(rule, ()), waiver)
    return found


def _found(connection: Connection, site: str, waiver_id: str) -> Row[Any]:
    row = connection.execute(
        select(WAIVER)
        .where(WAIVER.c.key == _key(waiver_id))
        .where(WAIVER.c.site_key == site_key(connection, site))
    ).one_or_none()
    if row is None:
        raise NotFound(f"no waiver {waiver_id} at {site}")
    return row


def _key(waiver_id: str) -> int:
    digits = waiver_id.removeprefix(_PREFIX)
    if not waiver_id.startswith(_PREFIX) or not (digits.isascii() and digits.isdigit()):
        raise NotFound(f"no waiver {waiver_id}")
    return min(int(digits[:19]), 2**63 - 1)


def _devices(connection: Connection, site: int, ids: Sequence[str]) -> Sequence[Any]:
    rows = connection.execute(
        select(DEVICE.c.key, DEVICE.c.id)
        .where(DEVICE.c.site_key == site)
        .where(DEVICE.c.id.in_(ids))
        .where(DEVICE.c.disabled == "")
        .order_by(DEVICE.c.key)
    ).all()
    missing = set(ids) - {row.id for row in rows}
    if missing:
        raise NotFound(f"no device {min(missing)} at this site")
    return rows


def _bound(connection: Connection, device: Row[Any], rule: str, keys: RowKeys) -> str:
    verdict = connection.execute(
        select(VERDICT.c.status, VERDICT.c.offending)
        .where(VERDICT.c.device_key == device.key)
        .where(VERDICT.c.rule == rule)
    ).one_or_none()
    if verdict is None or verdict.status != Status.FAIL.value:
        raise DeclarationRefused(f"{device.id} does not fail {rule}: there is nothing to waive")
    try:
        rows = accepted_rows(json.loads(verdict.offending), keys.columns, row_limit=keys.row_limit)
    except DeclarationRefused as error:
        raise DeclarationRefused(f"{device.id}: {error}") from error
    return json.dumps([dict(row) for row in rows])


def _note(connection: Connection, devices: Sequence[Any], action: str, act: Act) -> None:
    for device in devices:
        record_act(connection, act, action, device.id)


def _same(
    connection: Connection, site: str, at_site: int, given: NewWaiver, now: datetime
) -> WaiverRecord | None:
    """A waiver in force that says the same: asked for again, it is given back."""
    for record in _records(connection, site, at_site, rule=given.rule):
        if (
            record.in_force(now)
            and all(device.reopened_at is None for device in record.devices)
            and {device.device for device in record.devices} == set(given.devices)
            and (record.reason, record.author, record.approver)
            == (given.reason, given.author, given.approver)
            and given.expires_at is not None
            and record.expires_at.date() == given.expires_at.date()
        ):
            return record
    return None


def _record(connection: Connection, site: str, key: int) -> WaiverRecord:
    row = connection.execute(select(WAIVER).where(WAIVER.c.key == key)).one()
    return _shown(row, site, _waived(connection, [key]).get(key, []))


def _records(
    connection: Connection, site: str, at_site: int, *, rule: str | None = None
) -> list[WaiverRecord]:
    query = select(WAIVER).where(WAIVER.c.site_key == at_site).order_by(WAIVER.c.key.desc())
    if rule is not None:
        query = query.where(WAIVER.c.rule == rule)
    return shown_waivers(connection, site, connection.execute(query).all())


def shown_waivers(
    connection: Connection, site: str, rows: Sequence[Row[Any]]
) -> list[WaiverRecord]:
    """The waivers of these rows, with their devices."""
    waived = _waived(connection, [row.key for row in rows])
    return [_shown(row, site, waived.get(row.key, [])) for row in rows]


def _waived(connection: Connection, keys: Sequence[int]) -> Mapping[int, list[WaivedDeviceRecord]]:
    found: dict[int, list[WaivedDeviceRecord]] = {}
    rows = connection.execute(
        select(WAIVED, DEVICE.c.id, DEVICE.c.hostname, DEVICE.c.state)
        .join(DEVICE, DEVICE.c.key == WAIVED.c.device_key)
        .where(WAIVED.c.waiver_key.in_(keys))
        .order_by(DEVICE.c.id)
    )
    for row in rows:
        shown = WaivedDeviceRecord(
            row.id,
            row.hostname,
            json.loads(row.rows),
            row.reopened_at,
            retired=row.state == DeviceState.RETIRED.value,
        )
        found.setdefault(row.waiver_key, []).append(shown)
    return found


def _shown(row: Row[Any], site: str, devices: Sequence[WaivedDeviceRecord]) -> WaiverRecord:
    return WaiverRecord(
        id=f"{_PREFIX}{row.key}",
        site=site,
        rule=row.rule,
        reason=row.reason,
        author=row.author,
        approver=row.approver,
        at=row.at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        devices=devices,
    )
