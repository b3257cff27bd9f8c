"""The catalogues that devices of this store were judged by: of each, the digests of its rules.

A process that starts enters its own, which is in force from then on, for all processes over the
store: that of the last start. While servers of two releases run side by side, the one that sweeps
leaves alone what was judged by the rules in force. Catalogues of which no device is left are
forgotten at the next start.
"""

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, func, select, text

from vigie_server.store.database import Database, retried
from vigie_server.store.judged_with import JUDGED
from vigie_server.store.models import CatalogueRow, DeviceRow
from vigie_server.store.tables import table

CATALOGUE, DEVICE = table(CatalogueRow), table(DeviceRow)
_ENTER: Final = text(
    "INSERT INTO catalogue (digest, started, rules) VALUES (:digest, :started, :rules) "
    "ON CONFLICT (digest) DO UPDATE SET started = excluded.started"
)


class Catalogues:
    """Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def enter(self, digest: str, rules: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        """Puts a catalogue in force; gives those that are known, of each its rules' digests."""
        judged = (
            select(DEVICE.c.key).where(JUDGED).where(DEVICE.c.judged_with == CATALOGUE.c.digest)
        )
        with self._database.writing() as connection:
            last = connection.execute(select(func.max(CATALOGUE.c.started))).scalar() or 0
            connection.execute(delete(CATALOGUE).where(~judged.exists()))
            entered = {"digest": digest, "started": last + 1, "rules": json.dumps(dict(rules))}
            connection.execute(_ENTER, entered)
            rows = connection.execute(select(CATALOGUE.c.digest, CATALOGUE.c.rules)).all()
        return {row.digest: json.loads(row.rules) for row in rows}
