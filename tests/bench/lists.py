"""How fast the API lists a fleet that has grown: a running server, HTTPS, one connection a reader.

`make bench PART=lists` measures 1,000 and 10,000 devices and 20 changes a device; with
VIGIE_BENCH_FULL=1 also 100,000 and 80; FOLDER: a grown store of the largest alone that is used, or
made there and kept. `PART=lists-postgres` measures the largest of them over a
PostgreSQL of its own. Every list is read page after page, 100 items each, from its beginning. The
CPU is the server's, a page, with what it does beside.
"""

import asyncio
import http.client
import json
import os
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import text

from bench.contractors import at_rest, grown_in
from bench.grown import CHANGES, FULL_CHANGES, grow
from bench.ingest import STORE_URL
from bench.processes import ServedProcess, served
from bench.serve import bench_settings, prepare
from fakes.postgres import own_postgres
from vigie_server.clock import utc_now
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.tokens import Tokens

SIZES: Final = (1_000, 10_000)
FULL: Final = 100_000
PAGES: Final = 20
READERS: Final = 50
READ_FOR: Final = 20.0
"""Seconds that many readers read together."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One list at one size."""

    devices: int
    name: str
    pages: int
    p50_ms: float
    p95_ms: float
    most_ms: float
    cpu_ms: float

    def told(self) -> str:
        """One line for people."""
        return (
            f"{self.devices:>7} devices  {self.name:<44} p50 {self.p50_ms:6.1f} ms  "
            f"p95 {self.p95_ms:6.1f} ms  most {self.most_ms:6.1f} ms  CPU {self.cpu_ms:5.1f} ms"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReadTogether:
    """Many readers at once, each paging through the devices."""

    devices: int
    readers: int
    pages: int
    p50_ms: float
    p95_ms: float
    cpu_ms_a_page: float
    resident_before: int
    resident_after: int

    def told(self) -> str:
        """One line for people."""
        return (
            f"{self.devices:>7} devices  {self.readers} readers: {self.pages} pages, p50 "
            f"{self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms, {self.cpu_ms_a_page:.1f} ms of CPU a "
            f"page; resident {self.resident_before / 2**20:.0f} MiB before, "
            f"{self.resident_after / 2**20:.0f} after"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure(folder: Path) -> Sequence[Listed | ReadTogether]:
    """Every list at every size, and many readers at the largest; with FOLDER at that one's."""
    if kept := os.environ.get("FOLDER"):
        devices = FULL if os.environ.get("VIGIE_BENCH_FULL") else SIZES[-1]
        await asyncio.to_thread(grown_in, Path(kept), devices)
        return await _read(Path(kept), devices, together=False)
    sizes = (*SIZES, FULL) if os.environ.get("VIGIE_BENCH_FULL") else SIZES
    found: list[Listed | ReadTogether] = []
    for devices in sizes:
        place = folder / str(devices)
        place.mkdir()
        found += await _at(place, devices, together=devices == sizes[-1])
    return found


async def measure_on_postgres(folder: Path) -> Sequence[Listed | ReadTogether]:
    """The same over a PostgreSQL of its own, whose files are gone afterwards."""
    found: list[Listed | ReadTogether] = []
    size = FULL if os.environ.get("VIGIE_BENCH_FULL") else SIZES[-1]
    with own_postgres() as postgres:
        postgres.start(fsync="on", autovacuum="on")
        os.environ[STORE_URL] = postgres.url  # of this process and of those it starts
        try:
            found += await _at(folder, size, together=True)
        finally:
            del os.environ[STORE_URL]
    return found


async def _at(folder: Path, devices: int, *, together: bool) -> Sequence[Listed | ReadTogether]:
    settings = prepare(folder)
    url = settings.store.url or sqlite_url(settings.data / "vigie.db")
    changes = FULL_CHANGES if devices >= FULL else CHANGES
    grown = await asyncio.to_thread(grow, url, devices=devices, changes=changes)
    print(f"{devices} devices:\n{grown.told()}")
    return await _read(folder, devices, together=together)


async def _read(folder: Path, devices: int, *, together: bool) -> Sequence[Listed | ReadTogether]:
    settings = bench_settings(folder)
    database = Database(settings.store.url or sqlite_url(settings.data / "vigie.db"))
    try:
        everywhere, one, many = (a_token(database, sites) for sites in (0, 1, 40))
        names = names_of(database)
    finally:
        database.close()
    async with served("real", folder) as server:
        await at_rest(server)
        readers = {"": everywhere, " (1 site)": one, " (40 sites)": many}
        results: list[Listed | ReadTogether] = []
        for name, path, scopes in _lists(names):
            for scope in scopes:
                reader = Reader(folder, server.http, readers[scope])
                cpu = server.cpu()
                spent = await asyncio.to_thread(reader.pages, path, PAGES)
                results.append(_listed(devices, name + scope, spent, server.cpu() - cpu))
        if together:
            results.append(await asyncio.to_thread(_together, folder, server, everywhere, devices))
    return results


def _lists(names: dict[str, str]) -> Sequence[tuple[str, str, Sequence[str]]]:
    """Name, path and scopes of every list."""
    whole, every = ("",), ("", " (1 site)", " (40 sites)")
    device, rule = names["device"], names["rule"]
    site = f"/sites/{quote(names['site'])}"
    since = quote((utc_now() - timedelta(days=30)).isoformat())
    return (
        ("devices", "/devices", every),
        ("devices, most failing first", "/devices?sort=-failing", every),
        ("devices by name", "/devices?sort=hostname&hostname=S0", whole),
        ("devices stolen", "/devices?state=stolen", whole),
        ("devices not compliant, nomadic, linux",
         "/devices?compliant=false&nomadic=true&platform=linux", every),
        (f"devices failing {rule}", f"/devices?rule={rule}&status=fail", every),
        ("verdicts of a device", f"/devices/{device}/verdicts", whole),
        ("transitions of a device", f"/devices/{device}/transitions", whole),
        ("transitions", "/transitions", every),
        ("transitions since 30 days", f"/transitions?sort=at&since={since}", every),
        (f"transitions of {rule}", f"/transitions?rule={rule}", every),
        (f"verdicts of {rule}", f"/rules/{rule}/verdicts", every),
        ("rules with counts", "/rules", every),
        ("sites with levels", "/sites", whole),
        ("cards", "/assets", every),
        ("groups", "/groups", whole),
        ("audit", "/audit", whole),
        ("attestations of a site", f"{site}/attestations", whole),
        ("waivers of a site", f"{site}/waivers", whole),
        ("incidents of a site", f"{site}/incidents", whole),
        ("inventories of a site", f"{site}/inventories", whole),
    )  # fmt: skip


class Reader:
    """A client on one connection."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        trust = ssl.create_default_context(cafile=folder / "ca" / "https.crt")
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def page(self, path: str) -> tuple[float, str | None]:
        """Seconds until the page was whole, and the path of the next one."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        spent = time.perf_counter() - began
        assert answer.status == 200, (path, answer.status, body[:300])
        following: str | None = json.loads(body)["next"]
        return spent, following

    def pages(self, path: str, count: int) -> list[float]:
        """Seconds of each of so many pages; from the beginning again after the last one."""
        spent = []
        first = following = "/api/v1" + path
        for _ in range(count):
            took, after = self.page(following)
            spent.append(took)
            following = after or first
        return spent


def _together(folder: Path, server: ServedProcess, token: str, devices: int) -> ReadTogether:
    spent: list[float] = []
    ends = time.perf_counter() + READ_FOR
    before, cpu = server.resident(), server.cpu()

    def read() -> None:
        reader = Reader(folder, server.http, token)
        following: str | None = None
        while time.perf_counter() < ends:
            took, following = reader.page(following or "/api/v1/devices")
            spent.append(took)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = server.cpu() - cpu
    at = sorted(spent)
    return ReadTogether(
        devices,
        READERS,
        len(at),
        at[len(at) // 2] * 1e3,
        at[int(len(at) * 0.95)] * 1e3,
        used / len(at) * 1e3,
        before,
        server.resident(),
    )


def _listed(devices: int, name: str, spent: Sequence[float], cpu: float) -> Listed:
    at = sorted(spent)
    p95 = at[min(len(at) - 1, int(len(at) * 0.95))]
    p50, most = at[len(at) // 2], at[-1]
    return Listed(devices, name, len(at), p50 * 1e3, p95 * 1e3, most * 1e3, cpu / len(at) * 1e3)


def a_token(database: Database, sites: int) -> str:
    """An administrator's token of that many sites, 0 for all."""
    with database.reading() as connection:
        names = connection.execute(text(f"SELECT name FROM site ORDER BY key LIMIT {sites}"))  # noqa: S608 (a number)
        scope = frozenset(names.scalars()) or None
    make = MakeTokens(Tokens(database), utc_now, "bench")
    return make.api(name="bench", role=Role.ADMIN, sites=scope, lifetime=timedelta(days=1))[1]


def names_of(database: Database) -> dict[str, str]:
    """Things of the store to ask for."""
    with database.reading() as connection:
        one = {
            "device": "SELECT id FROM device WHERE key = 5",
            "site": "SELECT name FROM site WHERE key = 1",
            "body": "SELECT name FROM body WHERE key = 1",
            "product": "SELECT coalesce(max(product), 'LibreOffice') FROM site_software",
            "rule": "SELECT rule FROM rule_count WHERE site_key = 0 ORDER BY failing DESC LIMIT 1",
        }
        return {name: str(connection.execute(text(sql)).scalar_one()) for name, sql in one.items()}
