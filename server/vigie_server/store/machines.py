"""What devices are as machines: what they said of their make and system."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.glpi_inventory import Machine
from vigie_server.store.database import Database
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)
AT_ONCE: Final = 1_000


def machines(database: Database, site: str | None) -> Iterator[Machine]:
    """Every device that is not retired, of one site or of all, in the order of enrolment."""
    query = (
        select(
            DEVICE.c.key,
            DEVICE.c.id,
            SITE.c.name.label("site"),
            DEVICE.c.hostname,
            DEVICE.c.os,
            DEVICE.c.os_version,
            DEVICE.c.chassis,
            DEVICE.c.hardware_serial,
            DEVICE.c.hardware_uuid,
            DEVICE.c.hardware_vendor,
            DEVICE.c.hardware_model,
        )
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
        .where(DEVICE.c.state != DeviceState.RETIRED.value)
        .order_by(DEVICE.c.key)
        .limit(AT_ONCE)
    )
    if site is not None:
        query = query.where(SITE.c.name == site)
    after = 0
    while True:
        with database.reading() as connection:
            rows = connection.execute(query.where(DEVICE.c.key > after)).all()
        for key, *values in rows:
            yield Machine(*values)
            after = key
        if len(rows) < AT_ONCE:
            return
