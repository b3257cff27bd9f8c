"""A device's record as a greeting finds it, in one row where that costs less.

Between two rows SQLite's driver lets every other thread go first (as in `one_row`), and a record is
some eighty rows of three statements. So SQLite is asked for it as one row, the others in JSON.
PostgreSQL's driver has all rows of a statement at once.
"""

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, literal_column, select

from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.domain.surroundings import NOTHING_AROUND
from vigie_server.ports.sessions import Peer
from vigie_server.store.instants import from_store
from vigie_server.store.models import Certificate, DeviceRow, Site
from vigie_server.store.one_row import read
from vigie_server.store.record_rows import record_of
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import RULE, VERDICTS, unread_verdicts

DEVICE, SITE, CERTIFICATE = table(DeviceRow), table(Site), table(Certificate)

DEVICES: Final = select(DEVICE, SITE.c.name.label("site"), SITE.c.networks, SITE.c.gateways).join(
    SITE, SITE.c.key == DEVICE.c.site_key
)
"""Rows that `record_of` reads."""
# Made once: they run at every visit of every device.
_GREETED: Final = (
    DEVICES.join(CERTIFICATE, CERTIFICATE.c.device_key == DEVICE.c.key)
    .where(DEVICE.c.id == bindparam("device_id"))
    .where(CERTIFICATE.c.serial == bindparam("certificate_serial"))
    .where(CERTIFICATE.c.revoked_at.is_(None) | (DEVICE.c.disabled != ""))
)
_VERDICT_COLUMNS: Final = VERDICTS.partition("SELECT")[2].partition("FROM")[0].strip()
_GREETED_WHOLE: Final = _GREETED.add_columns(
    literal_column(
        "(SELECT json_group_array(json_array(topic, hex(digest), observed_at, revision))"
        " FROM snapshot WHERE device_key = device.key)"
    ).label("held_snapshots"),
    literal_column(
        f"(SELECT json_group_array(json_array({_VERDICT_COLUMNS}))"  # noqa: S608 (names of columns)
        " FROM verdict WHERE device_key = device.key)"
    ).label("held_verdicts"),
)


def greeted_row(connection: Connection, peer: Peer) -> Row[Any] | None:
    """The row of the device that holds this certificate, if it is in force."""
    return connection.execute(_GREETED, asdict(peer)).one_or_none()


def greeted_record(connection: Connection, peer: Peer) -> DeviceRecord | None:
    """The record of that device, with nothing around it. For SQLite."""
    row = connection.execute(_GREETED_WHOLE, asdict(peer)).one_or_none()
    if row is None:
        return None
    record = record_of(row, NOTHING_AROUND)
    for topic, digest, observed_at, revision in read(row.held_snapshots):
        held = HeldSnapshot(bytes.fromhex(digest), from_store(observed_at), revision, None)
        record.snapshots[topic] = held
    record.verdicts = unread_verdicts({cells[RULE]: cells for cells in read(row.held_verdicts)})
    return record
