"""Rows of the audit about what contractors looked at. The `AccessStore`."""

from datetime import datetime

from sqlalchemy import update

from vigie_server.store.database import Database, retried
from vigie_server.store.models import Audit
from vigie_server.store.tables import table

AUDIT = table(Audit)


class Accesses:
    """Writes what was looked at. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def begin(self, at: datetime, actor: str, action: str, subject: str) -> int:
        with self._database.writing() as connection:
            row = {"at": at, "actor": actor, "action": action, "subject": subject}
            return int(
                connection.execute(AUDIT.insert().values(row).returning(AUDIT.c.key)).scalar_one()
            )

    @retried
    def grow(self, key: int, at: datetime, action: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(AUDIT).where(AUDIT.c.key == key, AUDIT.c.at == at).values(action=action)
            )
