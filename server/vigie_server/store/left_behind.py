"""A SQLite store that was not moved to the PostgreSQL that is to be served in its place.

An empty PostgreSQL knows none of its devices: each would be refused, and nothing would say why. A
copy that was broken off leaves just that: tables without rows.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import text

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.plurals import counted
from vigie_server.store.database import Database

_ANY: Final = text("SELECT EXISTS (SELECT 1 FROM device)")


def require_moved(file: Path, database: Database) -> None:
    """Raises SettingsMalformed where the SQLite file has devices, and `database` not one."""
    if not file.is_file():
        return
    with database.reading() as connection:
        if connection.execute(_ANY).scalar_one():
            return
    if devices := _devices(file):
        raise SettingsMalformed(
            "the PostgreSQL of VIGIE_SERVER_STORE__URL holds no device, and "
            f"{file} {counted(devices, 'device|devices')}: move them with `vigie-server copy`, or "
            f"take {file} away if all is to begin anew"
        )


def _devices(file: Path) -> int:
    """Devices of a SQLite store; 0 for what is none, or cannot be read now."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM device").fetchone()[0])
    except sqlite3.Error:
        return 0
