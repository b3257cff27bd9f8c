"""Devices' records as greetings find them: those of all that greet within a moment, read together.

Between two rows SQLite's driver lets every other thread go first (as in `one_row`), and a record is
some eighty rows. So SQLite is asked for it as one row, the others in JSON. PostgreSQL's driver has
all rows of a statement at once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, literal_column

from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.ports.sessions import Peer
from vigie_server.store.database import Database
from vigie_server.store.instants import from_store
from vigie_server.store.many_records import DEVICES, SNAPSHOTS, plain_rows
from vigie_server.store.models import Certificate, DeviceRow, Site
from vigie_server.store.one_row import Plain, read
from vigie_server.store.record_rows import record_of
from vigie_server.store.surroundings import surroundings_of
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import GLIMPSES, KEY, RULE, unread_verdicts
from vigie_server.store.waivers import waivers_of

DEVICE, SITE, CERTIFICATE = table(DeviceRow), table(Site), table(Certificate)

# Made once: they run at every visit of every device.
_GREETED: Final = (
    DEVICES.add_columns(CERTIFICATE.c.serial)
    .join(CERTIFICATE, CERTIFICATE.c.device_key == DEVICE.c.key)
    .where(CERTIFICATE.c.serial.in_(bindparam("serials", expanding=True)))
    .where(CERTIFICATE.c.revoked_at.is_(None) | (DEVICE.c.disabled != ""))
)
_GLIMPSED: Final = GLIMPSES.partition("SELECT")[2].partition("FROM")[0].strip()
_GREETED_WHOLE: Final = _GREETED.add_columns(
    literal_column(
        "(SELECT json_group_array(json_array(topic, hex(digest), observed_at, revision))"
        " FROM snapshot WHERE device_key = device.key)"
    ).label("held_snapshots"),
    literal_column(
        f"(SELECT json_group_array(json_array({_GLIMPSED}))"  # noqa: S608 (names of columns)
        " FROM verdict WHERE device_key = device.key)"
    ).label("held_verdicts"),
)

Held = tuple[Mapping[str, HeldSnapshot], Mapping[str, Plain]]
"""A device's snapshots by topic, and the rows of its verdicts by rule."""


def greeted_records(
    database: Database, connection: Connection, peers: Sequence[Peer]
) -> Sequence[DeviceRecord | None]:
    """For each peer a record of its own; None where the certificate is not in force."""
    query = _GREETED_WHOLE if database.is_sqlite else _GREETED
    serials = list({peer.certificate_serial for peer in peers})
    rows = connection.execute(query, {"serials": serials}).all()
    keys = [row.key for row in rows]
    around = surroundings_of(connection, rows)
    waivers = waivers_of(database, connection, keys)
    held = _in_rows(rows) if database.is_sqlite else _apart(database, connection, keys)
    by_peer = {(row.id, row.serial): row for row in rows}
    found: list[DeviceRecord | None] = []
    for peer in peers:
        row = by_peer.get((peer.device_id, peer.certificate_serial))
        if row is None:
            found.append(None)
            continue
        record = record_of(row, around[row.key])
        snapshots, verdicts = held[row.key]
        record.snapshots.update(snapshots)
        record.verdicts = unread_verdicts(dict(verdicts), glimpses=True)
        record.waivers.update(waivers.get(row.key, {}))
        found.append(record)
    return found


def _in_rows(rows: Sequence[Row[Any]]) -> Mapping[int, Held]:
    return {
        row.key: (
            {
                topic: HeldSnapshot(bytes.fromhex(digest), from_store(observed_at), revision, None)
                for topic, digest, observed_at, revision in read(row.held_snapshots)
            },
            {cells[RULE]: cells for cells in read(row.held_verdicts)},
        )
        for row in rows
    }


def _apart(database: Database, connection: Connection, keys: Sequence[int]) -> Mapping[int, Held]:
    snapshots: defaultdict[int, dict[str, HeldSnapshot]] = defaultdict(dict)
    verdicts: defaultdict[int, dict[str, Plain]] = defaultdict(dict)
    if keys:  # PostgreSQL refuses an empty list
        for key, topic, revision, digest, observed_at in plain_rows(
            database, connection, SNAPSHOTS, keys
        ):
            held = HeldSnapshot(bytes(digest), from_store(observed_at), revision, None)
            snapshots[key][topic] = held
        for cells in plain_rows(database, connection, GLIMPSES, keys):
            verdicts[cells[KEY]][cells[RULE]] = cells
    return {key: (snapshots[key], verdicts[key]) for key in keys}
