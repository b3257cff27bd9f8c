"""Rows of the audit about what contractors looked at. The `AccessStore`."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from vigie_server.ports.accesses import AccessRow
from vigie_server.store.database import Database, retried
from vigie_server.store.instants import to_store
from vigie_server.store.models import Audit
from vigie_server.store.tables import table

AUDIT = table(Audit)
LOOKED: Final = "GET /"
"""How these rows begin: nothing else in the audit does."""
_GROWN: Final = "UPDATE audit SET action = ? WHERE key = ? AND at = ?"


class Accesses:
    """Writes what was looked at. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._grown = database.sql(_GROWN)

    @retried
    def write(self, rows: Sequence[AccessRow]) -> Sequence[int]:
        with self._database.writing() as connection:
            grown = [(row.action, row.key, to_store(row.at)) for row in rows if row.key is not None]
            if grown:
                connection.exec_driver_sql(self._grown, grown)
            return [_begun(connection, row) if row.key is None else row.key for row in rows]


def _begun(connection: Connection, row: AccessRow) -> int:
    values = {"at": row.at, "actor": row.actor, "action": row.action, "subject": row.subject}
    return int(
        connection.execute(AUDIT.insert().values(values).returning(AUDIT.c.key)).scalar_one()
    )
