"""Groups of devices. The `GroupStore`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, or_, select, update

from vigie_server.domain.errors import InUse, NotFound
from vigie_server.domain.plurals import counted
from vigie_server.domain.selectors import Selector, selector_of
from vigie_server.domain.surroundings import Group
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, HeldGroup, PickedDevice, Sites
from vigie_server.store import changes
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Attestation, DeviceGroup, ParameterOverride
from vigie_server.store.locking import lock
from vigie_server.store.models import Site
from vigie_server.store.rejudging import judge_devices_again, record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.surroundings import group_of, groups_query, picked
from vigie_server.store.tables import table

GROUP, SITE, OVERRIDE = table(DeviceGroup), table(Site), table(ParameterOverride)
ATTESTATION = table(Attestation)


class Groups:
    """Groups, each of one site or of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(self, within: Sites) -> Sequence[Group]:
        query = visible_groups(within).order_by(SITE.c.name, GROUP.c.name)
        with self._database.reading() as connection:
            return [group_of(row) for row in connection.execute(query)]

    def group(self, site: str | None, name: str) -> Group:
        with self._database.reading() as connection:
            return group_of(group_row(connection, site, name))

    def members(self, group: Group, within: Sites) -> Sequence[str]:
        with self._database.reading() as connection:
            return _members(connection, group_row(connection, group.site, group.name), within)

    def picking(
        self, selector: Selector, site: str | None, within: Sites
    ) -> Sequence[PickedDevice]:
        with self._database.reading() as connection:
            key = None if site is None else site_key(connection, site)
            return [
                PickedDevice(row.id, row.hostname, row.site)
                for row in picked(connection, selector, key)
                if within is None or row.site in within
            ]

    @retried
    def put(
        self,
        site: str | None,
        name: str,
        selector: str,
        act: Act,
        require: Require[HeldGroup] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            key = None if site is None else site_key(connection, site)
            before = _locked(connection, site, name)
            require(None if before is None else _held(connection, before))
            concerned = {row.key for row in picked(connection, selector_of(selector), key)}
            if before is None:
                connection.execute(
                    GROUP.insert().values(
                        site_key=key, name=name, selector=selector, created_at=act.at
                    )
                )
            elif before.selector == selector:
                return
            else:
                earlier = picked(connection, selector_of(before.selector), key)
                concerned ^= {row.key for row in earlier}  # the others stay in it
                connection.execute(
                    update(GROUP).where(GROUP.c.key == before.key).values(selector=selector)
                )
                judge_devices_again(connection, sorted(concerned))
            changes.tell_shown(connection, concerned)
            record_act(connection, act, f"declared a group: {selector}", _shown(site, name))

    @retried
    def remove(
        self, site: str | None, name: str, act: Act, require: Require[HeldGroup] = whatever
    ) -> None:
        with self._database.writing() as connection:
            _locked(connection, site, name)
            row = group_row(connection, site, name)
            said = connection.execute(
                select(func.count()).where(ATTESTATION.c.group_key == row.key)
            ).scalar_one()
            if said:
                raise InUse(
                    f"group {name} cannot be removed: {counted(said, 'attestation|attestations')} "
                    "of it are kept as history; `group set` has it pick other devices"
                )
            require(_held(connection, row))
            concerned = [
                found.key for found in picked(connection, group_of(row).selector, row.site_key)
            ]
            overrides = delete(OVERRIDE).where(
                OVERRIDE.c.scope == "group", OVERRIDE.c.scope_key == row.key
            )
            if connection.execute(overrides).rowcount:
                judge_devices_again(connection, concerned)
            changes.tell_shown(connection, concerned)
            connection.execute(delete(GROUP).where(GROUP.c.key == row.key))
            record_act(connection, act, "removed a group", _shown(site, name))


def visible_groups(within: Sites) -> Select[Any]:
    """Groups of these sites, and of every site."""
    query = groups_query()
    if within is None:
        return query
    return query.where(or_(GROUP.c.site_key.is_(None), SITE.c.name.in_(sorted(within))))


def group_row(connection: Connection, site: str | None, name: str) -> Row[Any]:
    """Raises NotFound."""
    row = connection.execute(groups_query().where(_named(site, name))).one_or_none()
    if row is None:
        of = "every site" if site is None else f"site {site}"
        raise NotFound(f"no group {name} of {of}")
    return row


def _locked(connection: Connection, site: str | None, name: str) -> Row[Any] | None:
    query = groups_query().where(_named(site, name))
    found = connection.execute(query).one_or_none()
    if found is not None:
        lock(connection, GROUP, GROUP.c.key == found.key)
        found = connection.execute(query).one_or_none()
    return found


def _held(connection: Connection, row: Row[Any]) -> HeldGroup:
    return HeldGroup(group_of(row), partial(_members, connection, row))


def _members(connection: Connection, row: Row[Any], within: Sites) -> Sequence[str]:
    rows = picked(connection, group_of(row).selector, row.site_key)
    return [found.id for found in rows if within is None or found.site in within]


def _named(site: str | None, name: str) -> ColumnElement[bool]:
    here = GROUP.c.site_key.is_(None) if site is None else SITE.c.name == site
    return (GROUP.c.name == name) & here


def _shown(site: str | None, name: str) -> str:
    return name if site is None else f"{site}: {name}"
