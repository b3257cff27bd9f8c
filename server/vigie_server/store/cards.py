"""Asset cards. The `CardStore`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from vigie_server.domain.card_files import KnownDevice
from vigie_server.domain.cards import Card, Cell, card_of_json
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.ports.declaring import Act, Sites, WrittenCard
from vigie_server.store.database import Database
from vigie_server.store.declared_models import AssetCard
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.rejudging import judge_devices_again, record_act
from vigie_server.store.tables import table

CARD, DEVICE, SITE = table(AssetCard), table(DeviceRow), table(Site)


class Cards:
    """Asset cards by their device."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, within: Sites) -> Sequence[KnownDevice]:
        return [device for device, _ in self.cards(within)]

    def card(self, device_id: str) -> WrittenCard:
        with self._database.reading() as connection:
            row = _found(connection, device_id)
        return WrittenCard(row.site, _card(row), row.author or "", row.updated_at)

    def cards(self, within: Sites) -> Sequence[tuple[KnownDevice, Card]]:
        query = _cards().order_by(SITE.c.name, DEVICE.c.hostname, DEVICE.c.id)
        if within is not None:
            query = query.where(SITE.c.name.in_(sorted(within)))
        with self._database.reading() as connection:
            return [(_known(row), _card(row)) for row in connection.execute(query)]

    def change(self, changes: Mapping[str, Mapping[str, Cell | None]], act: Act) -> int:
        changed = []
        with self._database.writing() as connection:
            for device_id, cells in changes.items():
                row = _found(connection, device_id)
                before = _card(row)
                after = before.with_cells(cells)
                if after == before:
                    continue
                _write(connection, row, after, act)
                fields = ", ".join(
                    name for name in cells if before.cells.get(name) != after.cells.get(name)
                )
                record_act(connection, act, f"changed the asset card: {fields}", device_id)
                changed.append(int(row.key))
            judge_devices_again(connection, changed)
        return len(changed)


def _write(connection: Connection, row: Row[Any], card: Card, act: Act) -> None:
    values = {"fields": card.as_json(), "author": act.actor, "updated_at": act.at}
    if not card.cells:
        connection.execute(delete(CARD).where(CARD.c.device_key == row.key))
    elif row.fields is None:
        connection.execute(CARD.insert().values(device_key=row.key, **values))
    else:
        connection.execute(update(CARD).where(CARD.c.device_key == row.key).values(**values))


def _cards() -> Select[Any]:
    return (
        select(
            DEVICE.c.key,
            DEVICE.c.id,
            DEVICE.c.hardware_serial,
            DEVICE.c.hostname,
            DEVICE.c.state,
            SITE.c.name.label("site"),
            CARD.c.fields,
            CARD.c.author,
            CARD.c.updated_at,
        )
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
        .outerjoin(CARD, CARD.c.device_key == DEVICE.c.key)
    )


def _found(connection: Connection, device_id: str) -> Row[Any]:
    row = connection.execute(_cards().where(DEVICE.c.id == device_id)).one_or_none()
    if row is None:
        raise NotFound(f"no device {device_id}")
    return row


def _card(row: Row[Any]) -> Card:
    return Card() if row.fields is None else card_of_json(row.fields)


def _known(row: Row[Any]) -> KnownDevice:
    return KnownDevice(
        id=row.id,
        site=row.site,
        serial=row.hardware_serial,
        hostname=row.hostname,
        retired=row.state == DeviceState.RETIRED.value,
    )
