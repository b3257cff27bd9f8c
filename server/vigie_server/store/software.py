"""Versions of software by site, and the devices that have one. The `SoftwareLists`.

Counts are kept when a site is assessed, from what it was judged on: the fleet's are sums over some
rows a site, not over the fleet's programs. Devices are read from what was taken of their answers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, and_, bindparam, delete, func, select

from vigie_server.domain.site_figures import COUNTED, SiteFigures
from vigie_server.domain.site_guide import SOFTWARE
from vigie_server.domain.software_drift import Installed
from vigie_server.domain.traits import ENDED_MARK
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.software import DeviceWithVersion, InstalledWanted
from vigie_server.store.database import Database
from vigie_server.store.declared_models import DeviceTrait, SiteSoftware
from vigie_server.store.keyset import keyset, paged, walking
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.scopes import Scopes
from vigie_server.store.tables import table

HELD, TRAIT = table(SiteSoftware), table(DeviceTrait)
DEVICE, SITE = table(DeviceRow), table(Site)
BY_NAME = "ix_device_trait_name"
_HELD_AT = select(HELD).where(HELD.c.site_key == bindparam("site", type_=BigInteger))


class Software:
    """Reads what is installed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scopes = Scopes()

    def installed(self, sites: Sites) -> Sequence[Installed]:
        columns = (HELD.c.platform, HELD.c.product, HELD.c.ended, HELD.c.version)
        query = select(*columns, func.sum(HELD.c.devices).label("devices")).group_by(*columns)
        with self._database.reading() as connection:
            scope = self._scopes.seen(connection, sites)
            if scope.sites is not None:
                query = query.where(HELD.c.site_key.in_(scope.sites))
            return [
                Installed(row.platform, row.product, bool(row.ended), row.version, int(row.devices))
                for row in connection.execute(query)
            ]

    def devices(
        self, wanted: InstalledWanted, *, after: Position | None, limit: int
    ) -> Page[DeviceWithVersion]:
        name = f"{ENDED_MARK}{wanted.product}" if wanted.listed else wanted.product
        query: Select[Any] = (
            select(
                TRAIT.c.device_key,
                TRAIT.c.value,
                DEVICE.c.id,
                DEVICE.c.hostname,
                SITE.c.name.label("site"),
            )
            .join(DEVICE, DEVICE.c.key == TRAIT.c.device_key)
            .join(SITE, SITE.c.key == DEVICE.c.site_key)
            .where(TRAIT.c.topic == SOFTWARE, TRAIT.c.name == name)
            .where(DEVICE.c.platform == wanted.platform)
            .where(DEVICE.c.state.in_([state.value for state in COUNTED]))
        )
        if wanted.versions is not None:
            query = query.where(TRAIT.c.value.in_(sorted(wanted.versions)))
        with self._database.listing() as connection:
            scope = self._scopes.seen(connection, wanted.sites)
            if scope.few:
                query = query.where(TRAIT.c.device_key.in_(scope.keys()))
            else:
                query = walking(query, TRAIT, BY_NAME)
                if scope.here is not None:
                    query = query.where(scope.here)
            order = (TRAIT.c.device_key, TRAIT.c.value)
            rows = connection.execute(keyset(query, order, after=after, limit=limit)).all()
        return paged(
            rows,
            limit,
            lambda row: (row.device_key, row.value),
            lambda row: DeviceWithVersion(row.id, row.hostname, row.site, row.value),
        )


def keep_software(connection: Connection, site: int, figures: SiteFigures) -> None:
    """Has the site's counts be those of its figures; writes what differs alone."""
    now = dict(_counts(figures))
    before = {
        (row.platform, row.product, bool(row.ended), row.version): row.devices
        for row in connection.execute(_HELD_AT, {"site": site})
    }
    names = ("platform", "product", "ended", "version")
    changed = [place for place in before.keys() | now.keys() if before.get(place) != now.get(place)]
    for place in changed:
        if place in before:
            same = (HELD.c[name] == value for name, value in zip(names, place, strict=True))
            connection.execute(delete(HELD).where(and_(HELD.c.site_key == site, *same)))
    rows = [
        {"site_key": site, **dict(zip(names, place, strict=True)), "devices": now[place]}
        for place in sorted(changed)
        if place in now
    ]
    if rows:
        connection.execute(HELD.insert(), rows)


def _counts(figures: SiteFigures) -> Iterator[tuple[tuple[str, str, bool, str], int]]:
    for listed, held in ((False, figures.versions), (True, figures.ended)):
        for (platform, product), versions in held.items():
            for version, devices in versions.items():
                yield (platform, product, listed, version), devices
