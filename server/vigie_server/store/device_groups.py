"""Which groups pick a device, for readers. Where none is declared, devices cost nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, or_

from vigie_server.store.record_rows import device_of
from vigie_server.store.surroundings import GROUP, group_of, groups_query, said_of

_ROLES = "roles"


def groups_of(connection: Connection, devices: Sequence[Row[Any]]) -> Mapping[int, tuple[str, ...]]:
    """The names of the groups that pick each of these devices, by its key; none: left out.

    A group of every site and one of the site may have one name: it is told once.
    """
    sites = {row.site_key for row in devices}
    here = or_(GROUP.c.site_key.is_(None), GROUP.c.site_key.in_(sites))
    found = connection.execute(groups_query().where(here)).all()
    if not found:
        return {}
    groups = [(row.site_key, group_of(row)) for row in found]
    by_site = {site: [group for of, group in groups if of in {None, site}] for site in sites}
    roles = any(_ROLES in group.selector.criteria for _, group in groups)
    said = said_of(connection, devices) if roles else {}
    picking = {}
    for row in devices:
        device = replace(device_of(row), declared=said.get(row.key, {}))
        names = {group.name for group in by_site[row.site_key] if group.selector.picks(device)}
        if names:
            picking[row.key] = tuple(sorted(names))
    return picking
