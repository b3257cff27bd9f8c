"""Asset cards. The `CardStore`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select

from vigie_server.domain.card_files import KnownDevice
from vigie_server.domain.cards import Card, Cell, card_of_json
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites, WrittenCard
from vigie_server.store.changes import tell_shown
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import AssetCard
from vigie_server.store.locking import lock
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.rejudging import AT_ONCE, AUDIT, judge_devices_again
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
            (row,) = _rows(connection, [device_id])
        return written_card(row)

    def cards(self, within: Sites) -> Sequence[tuple[KnownDevice, Card]]:
        query = cards_query().order_by(SITE.c.name, DEVICE.c.hostname, DEVICE.c.id)
        if within is not None:
            query = query.where(SITE.c.name.in_(sorted(within)))
        with self._database.reading() as connection:
            return [(_known(row), _card(row)) for row in connection.execute(query)]

    @retried
    def change(
        self,
        changes: Mapping[str, Mapping[str, Cell | None]],
        act: Act,
        require: Require[WrittenCard] = whatever,
    ) -> int:
        written: list[dict[str, object]] = []
        gone: list[int] = []
        acts: list[dict[str, object]] = []
        with self._database.writing() as connection:
            if require is not whatever:
                lock(connection, DEVICE, DEVICE.c.id.in_(list(changes)))
            for row in _rows(connection, list(changes)):
                require(written_card(row))
                before, cells = _card(row), changes[row.id]
                after = before.with_cells(cells)
                if after == before:
                    continue
                gone.append(row.key)
                if after.cells:
                    written.append(
                        {
                            "device_key": row.key,
                            "fields": after.as_json(),
                            "author": act.actor,
                            "updated_at": act.at,
                        }
                    )
                fields = [name for name in cells if before.cells.get(name) != after.cells.get(name)]
                action = f"changed the asset card: {', '.join(fields)}"
                acts.append({"at": act.at, "actor": act.actor, "action": action, "subject": row.id})
            for start in range(0, len(gone), AT_ONCE):
                few = gone[start : start + AT_ONCE]
                connection.execute(delete(CARD).where(CARD.c.device_key.in_(few)))
            if written:
                connection.execute(insert(CARD), written)
            if acts:
                connection.execute(insert(AUDIT), acts)
                tell_shown(connection, gone)
            judge_devices_again(connection, gone)
        return len(gone)


def _rows(connection: Connection, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """The devices with their cards, in the order of the ids. Raises NotFound."""
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(ids), AT_ONCE):
        few = ids[start : start + AT_ONCE]
        for row in connection.execute(cards_query().where(DEVICE.c.id.in_(few))):
            found[row.id] = row
    for device_id in ids:
        if device_id not in found:
            raise NotFound(f"no device {device_id}")
    return [found[device_id] for device_id in ids]


def cards_query() -> Select[Any]:
    """Devices with their site's name, and their card where there is one."""
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


def written_card(row: Row[Any]) -> WrittenCard:
    """The card of such a row."""
    return WrittenCard(row.site, _card(row), row.author or "", row.updated_at)


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
