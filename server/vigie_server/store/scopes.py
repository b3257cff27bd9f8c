"""The part of the fleet that a caller sees, and whether it is small enough to be gathered.

A small part is found by its sites and put in order; a large one is met often enough while the
order of the whole fleet is walked.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select

from vigie_server.ports.declaring import Sites
from vigie_server.store.keyset import walking
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)

FEW: Final = 5_000
"""Devices that are gathered and put in order for a page."""
BY_SITE: Final = "ix_device_site_key_state"


@dataclass(frozen=True, slots=True)
class Scope:
    """The keys of the sites that are seen; None: every site. `few` where their devices are."""

    sites: tuple[int, ...] | None
    few: bool = False

    @property
    def here(self) -> ColumnElement[bool] | None:
        """The condition on a device's site; None where every site is seen."""
        return None if self.sites is None else DEVICE.c.site_key.in_(self.sites)

    def devices(self) -> Select[Any]:
        """The keys of the devices of the scope; for a scope of some sites."""
        query = walking(select(DEVICE.c.key), DEVICE, BY_SITE)
        return query.where(DEVICE.c.site_key.in_(self.sites or ()))


def seen(connection: Connection, sites: Sites, *, few: int = FEW) -> Scope:
    """The scope of these sites, by name."""
    if sites is None:
        return Scope(None)
    keys = connection.execute(select(SITE.c.key).where(SITE.c.name.in_(sites))).scalars()
    scope = Scope(tuple(keys))
    return Scope(scope.sites, few=at_most(connection, scope.devices(), few))


def at_most(connection: Connection, query: Select[Any], few: int) -> bool:
    """Whether a query has no more rows than this; looks at one more at most."""
    some = query.limit(few + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one()) <= few
