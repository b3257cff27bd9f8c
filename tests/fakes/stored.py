"""Stores for tests: SQLite in a folder, or a real PostgreSQL, emptied.

The migrations run once in a process: a store at this version's schema is a copy of what they made.
Tests of the migrations themselves begin with a bare store.
"""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fakes.postgres import empty_postgres, fill_postgres, postgres_url
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import Claims
from vigie_server.ports.enrolment import EnrolmentTransaction, IssuedCertificate
from vigie_server.ports.tokens import NewToken
from vigie_server.store import epoch, migrating
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.enrolment import Enrolments
from vigie_server.store.history import BY_MONTH
from vigie_server.store.models import Base
from vigie_server.store.tokens import Tokens

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITE = "Les Tilleuls"

PARTITIONS = tuple(f"{of}_{which}" for of in BY_MONTH for which in ("2", "1", "other"))
"""How the names of partitions begin."""

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.enable_socket)]
"""Parameters for a fixture that opens each."""


@contextmanager
def opened_store(kind: str, folder: Path) -> Iterator[Database]:
    """An empty store at this version's schema."""
    if kind == "sqlite":
        url = sqlite_url(migrated_store(folder))
    else:
        fill_postgres(_migrate)
        url = postgres_url()
    with closing(Database(url)) as opened:
        epoch.prepare(opened)
        yield opened


def migrated_store(folder: Path) -> Path:
    """The SQLite store of this folder; where there is none, one that the migrations have run on."""
    store = folder / "vigie.db"
    if not store.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(_migrated_file(), store)
    return store


@contextmanager
def bare_store(kind: str, folder: Path) -> Iterator[Database]:
    """A store that no migration has run on."""
    if kind == "sqlite":
        opened = Database(sqlite_url(folder / "vigie.db"))
    else:
        empty_postgres()
        opened = Database(postgres_url())
    with closing(opened):
        yield opened


@cache
def _migrated_file() -> Path:
    folder = Path(mkdtemp(prefix="vigie-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate(sqlite_url(folder / "vigie.db"))
    return folder / "vigie.db"


def _migrate(url: str) -> None:
    with closing(Database(url)) as database:
        migrating.migrate(database)


def schema_differences(database: Database) -> list[Any]:
    """What a store's schema lacks or has beyond what the models say; months of history apart."""

    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or not name or not name.startswith(PARTITIONS)

    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": ours}
        )
        return list(compare_metadata(context, Base.metadata))


def a_token(
    database: Database, *, secret_hash: bytes = b"h" * 32, uses: int = 10, site: str = SITE
) -> None:
    token = NewToken(secret_hash.hex()[:8], secret_hash, NOW, NOW + timedelta(days=1), "test")
    Tokens(database).add_enrolment_token(
        token, site=site, profile="standard", max_uses=uses, serials=None
    )


def a_device(
    database: Database,
    device_id: str,
    *,
    secret_hash: bytes = b"h" * 32,
    serial: str = "PF-1",
    hostname: str = "poste",
) -> int:
    """The key of a new device of a token's site, with one certificate, whose serial is its id."""

    def step(store: EnrolmentTransaction) -> int:
        token = store.token(secret_hash)
        assert token is not None
        key = store.add_device(
            device_id=device_id,
            token=token,
            state=DeviceState.ACTIVE,
            claims=Claims(serial, "", "", "", hostname, "linux"),
            agent_version="0.1.0",
            at=NOW,
        )
        store.add_certificate(
            key, IssuedCertificate(device_id, b"", NOW + timedelta(days=90)), at=NOW
        )
        return key

    return Enrolments(database).transact(step)
