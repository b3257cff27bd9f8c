"""What reports read beside other readers: devices at a glance, levels as they were.

The `ReportReading`.

Verdicts are counted by grouped queries; only failing ones are read device by device.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, case, func, select

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.facility_report.content import Kind, Trend
from vigie_server.domain.facility_report.sources import (
    DeviceSeen,
    DevicesSeen,
    LevelMoved,
    SiteHistory,
    SitesMoved,
)
from vigie_server.domain.facility_report.trends import trend
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Sites
from vigie_server.store.assessments import CHANGE, MATURITY
from vigie_server.store.database import Database
from vigie_server.store.maturity import BODY
from vigie_server.store.site_seen import DEVICE, NOMADIC, SITE, VERDICT, counted_at
from vigie_server.store.sites_by_name import site_key

_WAIVED: Final = and_(VERDICT.c.status == Status.FAIL.value, VERDICT.c.waived)


class ReportRecords:
    """Reads for reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def devices(self, site: str) -> DevicesSeen:
        with self._database.reading() as connection:
            at = site_key(connection, site)
            verdicts, waived = _verdicts(connection, at)
            return DevicesSeen(_devices(connection, at), verdicts, waived, _states(connection, at))

    def history(self, site: str, *, since: datetime) -> SiteHistory:
        with self._database.reading() as connection:
            at = site_key(connection, site)
            rows = connection.execute(
                select(CHANGE)
                .where(CHANGE.c.site_key == at)
                .where(CHANGE.c.at > since)
                .order_by(CHANGE.c.key)
            )
            changes = [LevelMoved(row.question, row.before, row.at) for row in rows]
            ends = [
                connection.execute(select(func.min(of)).where(key == at)).scalar()
                for of, key in (
                    (CHANGE.c.at, CHANGE.c.site_key),
                    (MATURITY.c.since, MATURITY.c.site_key),
                )
            ]
        return SiteHistory(changes, min((end for end in ends if end is not None), default=None))

    def moved(self, kind: Kind, name: str, within: Sites, *, since: datetime) -> SitesMoved:
        if kind is Kind.BODY:
            body = select(BODY.c.key).where(BODY.c.name == name).scalar_subquery()
            which = SITE.c.body_key == body
        else:
            which = SITE.c.region == name
        if within is not None:
            which = which & SITE.c.name.in_(sorted(within))
        same = and_(
            MATURITY.c.site_key == CHANGE.c.site_key, MATURITY.c.question == CHANGE.c.question
        )
        query = (
            select(CHANGE.c.site_key, CHANGE.c.question, CHANGE.c.before, MATURITY.c.level)
            .join(SITE, SITE.c.key == CHANGE.c.site_key)
            .join(MATURITY, same)
            .where(which)
            .where(CHANGE.c.at > since)
            .order_by(CHANGE.c.key.desc())
        )
        with self._database.reading() as connection:
            first = {(row.site_key, row.question): row for row in connection.execute(query)}
        up, down = Counter[int](), Counter[int]()
        for row in first.values():
            match trend(row.before, row.level):
                case Trend.UP:
                    up[row.question] += 1
                case Trend.DOWN:
                    down[row.question] += 1
                case _:
                    pass
        return SitesMoved(up, down)


def _verdicts(
    connection: Connection, site: int
) -> tuple[Mapping[str, Mapping[Status, int]], Mapping[str, int]]:
    """By rule, the devices under each verdict; a waived fail is told apart."""
    waived_fail = case((_WAIVED, 1), else_=0).label("waived_fail")
    verdicts: dict[str, dict[Status, int]] = {}
    waived: dict[str, int] = {}
    for row in connection.execute(
        select(VERDICT.c.rule, VERDICT.c.status, waived_fail, func.count().label("devices"))
        .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
        .where(counted_at(site))
        .group_by(VERDICT.c.rule, VERDICT.c.status, waived_fail)
    ):
        counted = verdicts.setdefault(row.rule, {})
        if row.waived_fail:
            waived[row.rule] = row.devices
        else:
            counted[Status(row.status)] = row.devices
    return verdicts, waived


def _devices(connection: Connection, site: int) -> list[DeviceSeen]:
    failing: dict[int, dict[str, datetime | None]] = {}
    for row in connection.execute(
        select(VERDICT.c.device_key, VERDICT.c.rule, VERDICT.c.failing_since)
        .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
        .where(counted_at(site))
        .where(VERDICT.c.status == Status.FAIL.value)
        .where(~_WAIVED)
    ):
        failing.setdefault(row.device_key, {})[row.rule] = row.failing_since
    rows = connection.execute(
        select(DEVICE, NOMADIC.label("goes_out")).where(counted_at(site)).order_by(DEVICE.c.key)
    )
    return [
        DeviceSeen(
            id=row.id,
            hostname=row.hostname,
            platform=row.platform,
            state=DeviceState(row.state),
            nomadic=bool(row.goes_out),
            last_report_at=row.last_report_at,
            failing=failing.get(row.key, {}),
        )
        for row in rows
    ]


def _states(connection: Connection, site: int) -> Mapping[DeviceState, int]:
    rows = connection.execute(
        select(DEVICE.c.state, func.count().label("devices"))
        .where(DEVICE.c.site_key == site)
        .group_by(DEVICE.c.state)
    )
    return {DeviceState(row.state): row.devices for row in rows}
