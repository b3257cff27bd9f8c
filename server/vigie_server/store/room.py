"""How much room the store takes: of SQLite's files and disk, or as PostgreSQL tells it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text

from vigie_server.ports.store_room import StoreRoom
from vigie_server.store.database import Database


@dataclass(frozen=True, slots=True)
class MeasureStore:
    """Measures a store. `capacity`: bytes that PostgreSQL may take, None where nobody said."""

    database: Database
    capacity: int | None = None

    def __call__(self) -> StoreRoom:
        """Raises StoreBusy."""
        return self._sqlite() if self.database.is_sqlite else self._postgres()

    def _sqlite(self) -> StoreRoom:
        """Pages that are free inside the file count as room; its log beside it does not."""
        with self.database.reading() as connection:
            pages, free, page_size = (
                int(connection.execute(text(f"PRAGMA {what}")).scalar_one())
                for what in ("page_count", "freelist_count", "page_size")
            )
        path = Path(make_url(self.database.url).database or "")
        size = (pages - free) * page_size + _bytes(path.with_name(f"{path.name}-wal"))
        left = shutil.disk_usage(path.parent).free + free * page_size
        return StoreRoom(size, size + left)

    def _postgres(self) -> StoreRoom:
        with self.database.reading() as connection:
            query = text("SELECT pg_database_size(current_database())")
            return StoreRoom(int(connection.execute(query).scalar_one()), self.capacity)


def _bytes(path: Path) -> int:
    """The size of a file that comes and goes."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
