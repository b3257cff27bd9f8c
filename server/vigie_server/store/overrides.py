"""Parameters that people set. The `OverrideStore`."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select

from vigie_server.domain.devices import Device
from vigie_server.domain.errors import NotFound
from vigie_server.domain.overrides import Override, Scope
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites, Target
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import DeviceGroup, ParameterOverride
from vigie_server.store.groups import group_row
from vigie_server.store.locking import lock
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.record_rows import device_of
from vigie_server.store.rejudging import judge_rule_again, record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.surroundings import (
    devices_query,
    group_of,
    override_of,
    picked,
    surroundings_of,
)
from vigie_server.store.tables import table

OVERRIDE, GROUP = table(ParameterOverride), table(DeviceGroup)
DEVICE, SITE = table(DeviceRow), table(Site)


class Overrides:
    """Overrides by what they are set for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overrides(self, within: Sites) -> Sequence[Override]:
        found: list[Override] = []
        with self._database.reading() as connection:
            of_sites = select(OVERRIDE, SITE.c.name.label("of"), SITE.c.name.label("site")).join(
                SITE, _set_for(Scope.SITE, SITE.c.key)
            )
            of_groups = (
                select(OVERRIDE, GROUP.c.name.label("of"), SITE.c.name.label("site"))
                .join(GROUP, _set_for(Scope.GROUP, GROUP.c.key))
                .outerjoin(SITE, SITE.c.key == GROUP.c.site_key)
            )
            of_devices = (
                select(OVERRIDE, DEVICE.c.id.label("of"), SITE.c.name.label("site"))
                .join(DEVICE, _set_for(Scope.DEVICE, DEVICE.c.key))
                .join(SITE, SITE.c.key == DEVICE.c.site_key)
            )
            for query in (of_sites, of_groups, of_devices):
                ordered = query.order_by("site", "of", OVERRIDE.c.rule, OVERRIDE.c.name)
                found += [
                    override_of(row, row.of, row.site)
                    for row in connection.execute(ordered)
                    if within is None or row.site is None or row.site in within
                ]
        return found

    def holding(self, device_id: str) -> tuple[Device, Sequence[Override]]:
        with self._database.reading() as connection:
            row = _device_row(connection, device_id)
            around = surroundings_of(connection, [row])[row.key]
        device = around.around(device_of(row))
        return device, around.holding(device)

    def of_site(self, site: str) -> Sequence[Override]:
        with self._database.reading() as connection:
            key = site_key(connection, site)
            rows = connection.execute(
                select(OVERRIDE)
                .where(_set_for(Scope.SITE, key))
                .order_by(OVERRIDE.c.rule, OVERRIDE.c.name)
            )
            return [override_of(row, site, site) for row in rows]

    def override(self, target: Target, *, rule: str, name: str) -> Override:
        with self._database.reading() as connection:
            key, _ = _target(connection, target)
            found = _override(connection, target, key, rule, name)
        if found is None:
            raise _not_set(target, rule, name)
        return found

    @retried
    def put(
        self,
        target: Target,
        *,
        rule: str,
        name: str,
        value: object,
        reason: str,
        act: Act,
        judged: bool = True,
        require: Require[Override] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            key, concerned = _target(connection, target)
            require(_locked(connection, target, key, rule, name))
            connection.execute(delete(OVERRIDE).where(_of(target, key, rule, name)))
            connection.execute(
                OVERRIDE.insert().values(
                    scope=target.scope.value,
                    scope_key=key,
                    rule=rule,
                    name=name,
                    value=json.dumps(value),
                    reason=reason,
                    author=act.actor,
                    at=act.at,
                )
            )
            judge_rule_again(connection, concerned if judged else (), rule, at=act.at)
            action = f"set {rule} {name} = {json.dumps(value)} for a {target.scope}: {reason}"
            record_act(connection, act, action, target.of)

    @retried
    def remove(
        self,
        target: Target,
        *,
        rule: str,
        name: str,
        reason: str,
        act: Act,
        judged: bool = True,
        require: Require[Override] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            key, concerned = _target(connection, target)
            held = _locked(connection, target, key, rule, name)
            if held is None:
                raise _not_set(target, rule, name)
            require(held)
            connection.execute(delete(OVERRIDE).where(_of(target, key, rule, name)))
            judge_rule_again(connection, concerned if judged else (), rule, at=act.at)
            action = f"unset {rule} {name} for a {target.scope}: {reason}"
            record_act(connection, act, action, target.of)

    def concerned(self, target: Target) -> Sequence[int]:
        with self._database.reading() as connection:
            return _target(connection, target)[1]


def _set_for(scope: Scope, key: int | ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(OVERRIDE.c.scope == scope.value, OVERRIDE.c.scope_key == key)


def _of(target: Target, key: int, rule: str, name: str) -> ColumnElement[bool]:
    return and_(
        _set_for(target.scope, key),
        OVERRIDE.c.rule == rule,
        OVERRIDE.c.name == name,
    )


def _override(
    connection: Connection, target: Target, key: int, rule: str, name: str
) -> Override | None:
    row = connection.execute(select(OVERRIDE).where(_of(target, key, rule, name))).one_or_none()
    if row is None:
        return None
    site = target.site
    if target.scope is Scope.SITE:
        site = target.of
    elif target.scope is Scope.DEVICE:
        site = _device_row(connection, target.of).site
    return override_of(row, target.of, site)


def _locked(
    connection: Connection, target: Target, key: int, rule: str, name: str
) -> Override | None:
    lock(connection, OVERRIDE, _of(target, key, rule, name))
    return _override(connection, target, key, rule, name)


def _not_set(target: Target, rule: str, name: str) -> NotFound:
    return NotFound(f"{rule} {name} is not set for the {target.scope} {target.of}")


def _target(connection: Connection, target: Target) -> tuple[int, Sequence[int]]:
    """The key of what an override is set for, and those of the devices that it holds for."""
    match target.scope:
        case Scope.SITE:
            key = site_key(connection, target.of)
            devices = select(DEVICE.c.key).where(DEVICE.c.site_key == key).order_by(DEVICE.c.key)
            return key, connection.execute(devices).scalars().all()
        case Scope.GROUP:
            row = group_row(connection, target.site, target.of)
            members = picked(connection, group_of(row).selector, row.site_key)
            return row.key, [member.key for member in members]
        case Scope.DEVICE:
            row = _device_row(connection, target.of)
            return row.key, [row.key]


def _device_row(connection: Connection, device_id: str) -> Row[Any]:
    row = connection.execute(devices_query().where(DEVICE.c.id == device_id)).one_or_none()
    if row is None:
        raise NotFound(f"no device {device_id}")
    return row
