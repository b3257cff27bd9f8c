"""What was declared around devices, read for all of them at once.

The one place where declarations join devices: `Records.record` and `many_records` load through it,
with the same few queries for one device as for fifty. `said_of` is where what is declared of a
site or a device enters, by the names of `domain/declared.py`.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select

from vigie_server.domain.cards import card_of_json
from vigie_server.domain.declared import Declarations
from vigie_server.domain.devices import Device
from vigie_server.domain.overrides import Override, Scope
from vigie_server.domain.selectors import Selector, selector_of
from vigie_server.domain.surroundings import Group, Surroundings
from vigie_server.store.attested import in_force
from vigie_server.store.declared_models import AssetCard, DeviceGroup, ParameterOverride
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.record_rows import device_of
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)
GROUP, OVERRIDE, CARD = table(DeviceGroup), table(ParameterOverride), table(AssetCard)

SELECTORS_KEPT: Final = 1_024
LOOKED_AT_ONCE: Final = 2_000
"""Devices in memory together while a page of those that a selector picks is put together."""

Rows = Sequence[Row[Any]]
"""Rows of devices, with their site's name as `site`."""


def surroundings_of(connection: Connection, devices: Rows) -> Mapping[int, Surroundings]:
    """What stands around each device, by its key."""
    if not devices:
        return {}
    sites = {row.site_key for row in devices}
    groups = _groups(connection, sites)
    overrides = _overrides(connection, devices, groups)
    said = said_of(connection, devices)
    words = in_force(connection, sites)
    of_groups = {  # once, for all the devices that the groups may pick
        group.key: tuple(override_of(one, group.name, group.site) for one in rows)
        for _, group in groups
        if (rows := overrides.get((Scope.GROUP, group.key)))
    }
    of_sites = {
        row.site_key: tuple(
            override_of(one, row.site, row.site)
            for one in overrides.get((Scope.SITE, row.site_key), ())
        )
        for row in {row.site_key: row for row in devices}.values()
    }
    found = {}
    for row in devices:
        here = tuple(group for site, group in groups if site in {None, row.site_key})
        own = overrides.get((Scope.DEVICE, row.key), ())
        found[row.key] = Surroundings(
            groups=here,
            overrides=(
                *of_sites[row.site_key],
                *(override_of(one, row.id, row.site) for one in own),
            ),
            of_groups={group.key: of_groups[group.key] for group in here if group.key in of_groups},
            declared=said.get(row.key, {}),
            attestations=tuple(words.get(row.site_key, ())),
        )
    return found


def group_of(row: Row[Any]) -> Group:
    """The group of a row that has its site's name as `site`."""
    return Group(row.key, row.site, row.name, _selector(row.selector))


@lru_cache(SELECTORS_KEPT)
def _selector(text: str) -> Selector:
    return selector_of(text)


def groups_query() -> Select[Any]:
    """Groups with their site's name."""
    return select(GROUP, SITE.c.name.label("site")).outerjoin(SITE, SITE.c.key == GROUP.c.site_key)


def devices_query() -> Select[Any]:
    """Devices with their site's name."""
    return select(DEVICE, SITE.c.name.label("site")).join(SITE, SITE.c.key == DEVICE.c.site_key)


def picked(connection: Connection, selector: Selector, site_key: int | None) -> Sequence[Row[Any]]:
    """The rows of the devices that a selector picks, of one site or of all."""
    rows = connection.execute(_candidates(selector, site_key))
    return [row for row in rows if selector.picks(_with_roles(row))]


def picked_after(
    connection: Connection,
    selector: Selector,
    site_key: int | None,
    *,
    within: Collection[str] | None,
    after: str,
) -> Iterator[Row[Any]]:
    """The same, of these sites and after this id, some devices at a time."""
    while True:
        query = _candidates(selector, site_key).where(DEVICE.c.id > after).limit(LOOKED_AT_ONCE)
        if within is not None:
            query = query.where(SITE.c.name.in_(within))
        rows = connection.execute(query).all()
        yield from (row for row in rows if selector.picks(_with_roles(row)))
        if len(rows) < LOOKED_AT_ONCE:
            return
        after = rows[-1].id


def _candidates(selector: Selector, site_key: int | None) -> Select[Any]:
    """The devices that a selector may pick, in the order of their ids."""
    query = (
        devices_query()
        .add_columns(CARD.c.fields)
        .outerjoin(CARD, CARD.c.device_key == DEVICE.c.key)
        .order_by(DEVICE.c.id)
    )
    if site_key is not None:
        query = query.where(DEVICE.c.site_key == site_key)
    for criterion, column in (("platform", "platform"), ("profile", "profile"), ("devices", "id")):
        if criterion in selector.criteria:
            query = query.where(DEVICE.c[column].in_(selector.criteria[criterion]))
    return query


def _with_roles(row: Row[Any]) -> Device:
    declared = {} if row.fields is None else card_of_json(row.fields).declared()
    return Surroundings(declared=declared).around(device_of(row))


def said_of(connection: Connection, devices: Rows) -> Mapping[int, Declarations]:
    """What was said of each device and its site, by its key."""
    keys = [row.key for row in devices]
    cards = connection.execute(_CARDS, {"devices": keys})
    return {row.device_key: card_of_json(row.fields).declared() for row in cards}


def _groups(connection: Connection, sites: Collection[int]) -> Sequence[tuple[int | None, Group]]:
    rows = connection.execute(_GROUPS, {"sites": list(sites)})
    return [(row.site_key, group_of(row)) for row in rows]


def _overrides(
    connection: Connection, devices: Rows, groups: Sequence[tuple[int | None, Group]]
) -> Mapping[tuple[str, int], list[Row[Any]]]:
    keys = {
        "sites": list({row.site_key for row in devices}),
        "devices": [row.key for row in devices],
        "groups": list({group.key for _, group in groups}),
    }
    found: defaultdict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_OVERRIDES, keys):
        found[row.scope, row.scope_key].append(row)
    return found


# Built once: they run at most visits of a device, and building one costs more than running it.
_CARDS: Final = select(CARD.c.device_key, CARD.c.fields).where(
    CARD.c.device_key.in_(bindparam("devices", expanding=True))
)
_GROUPS: Final = groups_query().where(
    or_(GROUP.c.site_key.is_(None), GROUP.c.site_key.in_(bindparam("sites", expanding=True)))
)
_OVERRIDES: Final = select(OVERRIDE).where(
    or_(
        *(
            and_(
                OVERRIDE.c.scope == scope.value,
                OVERRIDE.c.scope_key.in_(bindparam(name, expanding=True)),
            )
            for scope, name in (
                (Scope.SITE, "sites"),
                (Scope.DEVICE, "devices"),
                (Scope.GROUP, "groups"),
            )
        )
    )
)


def override_of(row: Row[Any], of: str, site: str | None) -> Override:
    """The override of a row, for the site, group or device that `of` names."""
    value = json.loads(row.value)
    return Override(
        scope=Scope(row.scope),
        of=of,
        site=site,
        rule=row.rule,
        name=row.name,
        value=tuple(value) if isinstance(value, list) else value,
        reason=row.reason,
        author=row.author,
        at=row.at,
    )
