"""When the store was last backed up with success, kept in the store: every server can tell it."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select, text

from vigie_server.store.database import Database
from vigie_server.store.models import Meta
from vigie_server.store.tables import table

META: Final = table(Meta)
NAME: Final = "last_backup"
_NOTE: Final = text(
    "INSERT INTO meta (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def note_backup(database: Database, at: datetime) -> None:
    """A backup of what was there at this moment is whole and on its disk. Raises StoreBusy."""
    with database.writing() as connection:
        connection.execute(_NOTE, {"name": NAME, "value": at.astimezone(UTC).isoformat()})


def last_backup(database: Database) -> datetime | None:
    """The moment of the last backup; None: there was none. Raises StoreBusy."""
    with database.reading() as connection:
        found = connection.execute(select(META.c.value).where(META.c.name == NAME)).scalar()
    return None if found is None else datetime.fromisoformat(found)
