"""A grown store that stays in its folder, over either engine, and is measured again and again.

Planting 100,000 devices takes minutes. In the folder are the server's own data (`server`; SQLite's
file is in it), PostgreSQL's cluster (`postgres`), and `planted.json`, written last: a store whose
planting was cut short is refused, and not measured.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy import text

from bench.grown import CHANGES, FULL_CHANGES, grow
from bench.ingest import STORE_URL
from bench.processes import ServedProcess, served
from bench.serve import bench_settings, prepare
from fakes.postgres import PostgresServer, kept_postgres
from vigie_server.clock import utc_now
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store import migrating
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.tokens import Tokens

DEVICES: Final = 10_000
FULL: Final = 100_000
POSTGRES: Final = "postgres"
ENGINES: Final = ("sqlite", POSTGRES)
SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "on",
    "autovacuum": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
}
"""Of PostgreSQL: a machine of 4 GB, by its manual; and it counts what statements take."""
_PLANTED: Final = "planted.json"
_TOKENS: Final = "tokens.json"
_LASTS: Final = timedelta(days=365)
_SPENT: Final = """SELECT coalesce(sum(total_exec_time + total_plan_time), 0),
  coalesce(sum(calls), 0)
FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"""
_DEAREST: Final = """SELECT total_exec_time + total_plan_time AS spent, calls, query
FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY spent DESC LIMIT 4"""


@dataclass(frozen=True, slots=True)
class KeptStore:
    """A store with its devices in it. `data` is the folder of a server over it."""

    engine: str
    devices: int
    data: Path
    url: str
    postgres: PostgresServer | None

    @asynccontextmanager
    async def served(self) -> AsyncIterator[ServedProcess]:
        """A server over it, which is at rest."""
        database = None if self.postgres is None else psutil.Process(self.postgres.pid)
        async with served("listed", self.data, database) as server:
            await server.at_rest()
            yield server

    def token(self, sites: int) -> str:
        """An administrator's token of that many sites, 0 for all: made once."""
        place = self.data / _TOKENS
        held: dict[str, str] = json.loads(place.read_text("utf-8")) if place.exists() else {}
        if str(sites) not in held:
            with closing(Database(self.url)) as database:
                held[str(sites)] = a_token(database, sites)
            place.write_text(json.dumps(held), encoding="utf-8")
        return held[str(sites)]

    def count_statements(self) -> None:
        """Begins to count what PostgreSQL's statements take."""
        if self.postgres is not None:
            self.postgres.execute("SELECT pg_stat_statements_reset()")

    def statements(self) -> tuple[float, int]:
        """Milliseconds that the statements counted took, and how many there were."""
        if self.postgres is None:
            return 0.0, 0
        ((spent, calls),) = self.postgres.execute(_SPENT)
        return float(spent), int(calls)

    def dearest(self) -> list[str]:
        """The statements counted that took longest in all, a line each."""
        rows = [] if self.postgres is None else self.postgres.execute(_DEAREST)
        return [
            f"{spent:9.1f} ms, {calls} times: {' '.join(sql.split())}" for spent, calls, sql in rows
        ]


def asked_engine() -> str:
    """The engine that the environment names."""
    engine = os.environ.get("ENGINE") or ENGINES[0]
    if engine not in ENGINES:
        raise SystemExit(f"no such ENGINE: {engine}; there are {', '.join(ENGINES)}")
    return engine


def asked_devices() -> int:
    """How many devices a store has."""
    return FULL if os.environ.get("VIGIE_BENCH_FULL") else DEVICES


def asked_folder(folder: Path) -> Path:
    """The folder that the environment names, where the store stays; this one otherwise."""
    return Path(os.environ.get("FOLDER") or folder).absolute()


@asynccontextmanager
async def kept_store(folder: Path, *, engine: str, devices: int) -> AsyncIterator[KeptStore]:
    """The store in this folder, which is planted where there is none."""
    data = folder / "server"
    url, postgres = sqlite_url(data / "vigie.db"), None
    async with AsyncExitStack() as stack:
        if engine == POSTGRES:
            postgres = stack.enter_context(kept_postgres(folder / "postgres", **SETTINGS))
            url = os.environ[STORE_URL] = postgres.url  # of this process and of those it starts
            stack.callback(os.environ.pop, STORE_URL)
            stack.callback(postgres.execute, "CHECKPOINT")
            postgres.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        if not (folder / _PLANTED).exists():
            await asyncio.to_thread(_plant, folder, data, url, devices)
        told = json.loads((folder / _PLANTED).read_text("utf-8"))
        print(f"{folder}: {told['devices']} devices, planted {told['at']}", flush=True)
        if told["devices"] != devices:
            raise SystemExit(f"{folder} has {told['devices']} devices, and not {devices}")
        await asyncio.to_thread(_migrate, url)
        yield KeptStore(engine, devices, data, url, postgres)


def a_token(database: Database, sites: int) -> str:
    """An administrator's token of that many sites, 0 for all."""
    with database.reading() as connection:
        names = connection.execute(text(f"SELECT name FROM site ORDER BY key LIMIT {sites}"))  # noqa: S608 (a number)
        scope = frozenset(names.scalars()) or None
    make = MakeTokens(Tokens(database), utc_now, "bench")
    return make.api(name="bench", role=Role.ADMIN, sites=scope, lifetime=_LASTS)[1]


def _migrate(url: str) -> None:
    """Brings a store that an earlier release planted to what this one has."""
    with closing(Database(url)) as database:
        migrating.migrate(database)


def _plant(folder: Path, data: Path, url: str, devices: int) -> None:
    if data.exists():
        raise SystemExit(f"the planting of {folder} was cut short: delete it")
    folder.mkdir(parents=True, exist_ok=True)
    changes = FULL_CHANGES if devices >= FULL else CHANGES
    print(f"planting {devices} devices and {changes} changes each", flush=True)
    prepare(bench_settings(data).data)
    print(grow(url, devices=devices, changes=changes).told(), flush=True)
    told = {"devices": devices, "changes": changes, "at": datetime.now(UTC).isoformat()}
    (folder / _PLANTED).write_text(json.dumps(told), encoding="utf-8")
