"""How many devices sites have. The `SiteSizes`."""

from collections.abc import Collection, Mapping

from sqlalchemy import func, select

from vigie_server.domain.devices import DeviceState
from vigie_server.store.database import Database
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)


class Sizes:
    """Counts devices of a few sites: the index `ix_device_site_key_state` holds all it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sizes(self, sites: Collection[str]) -> Mapping[str, Mapping[DeviceState, int]]:
        if not sites:
            return {}
        query = (
            select(SITE.c.name, DEVICE.c.state, func.count().label("devices"))
            .join(DEVICE, DEVICE.c.site_key == SITE.c.key)
            .where(SITE.c.name.in_(sites))
            .group_by(SITE.c.name, DEVICE.c.state)
        )
        found: dict[str, dict[DeviceState, int]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.name, {})[DeviceState(row.state)] = row.devices
        return found
