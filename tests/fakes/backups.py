"""Backups of a store, as its administrator makes them, and their restoring."""

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fakes.postgres import binaries, postgres_url
from fakes.stored import bare_store


def backed_up(kind: str, folder: Path) -> Callable[[], None]:
    """Backs a store up that nobody has open; gives what brings it back."""
    backup = folder / "backup"
    if kind == "sqlite":
        shutil.copy(folder / "vigie.db", backup)
        return partial(_restore_sqlite, folder, backup)
    _ran("pg_dump", f"--file={backup}")
    return partial(_restore_postgres, folder, backup)


def _restore_sqlite(folder: Path, backup: Path) -> None:
    for name in ("vigie.db", "vigie.db-wal", "vigie.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup, folder / "vigie.db")


def _restore_postgres(folder: Path, backup: Path) -> None:
    with bare_store("postgres", folder):
        _ran(
            "psql",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--file={backup}",
            f"--output={folder}/told",
        )


def _ran(program: str, *arguments: str) -> None:
    address = postgres_url().replace("+psycopg", "")
    subprocess.run([binaries() / program, f"--dbname={address}", *arguments], check=True)
