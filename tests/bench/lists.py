"""How fast the API lists a fleet that has grown: a running server, HTTPS, one connection a reader.

`make bench PART=lists` measures 1,000 and 10,000 devices and 20 changes a device; with
VIGIE_BENCH_FULL=1 also 100,000 and 80; FOLDER: where a grown store of the largest alone stays for
the next time (`bench.kept`). ENGINE=postgres measures the largest of them over a PostgreSQL of its
own. Every list is read page after page, 100 items each, from its beginning. The CPU is the
server's, a page, with what it does beside, and PostgreSQL's.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bench.asked import EVERY, WHOLE, Asked, Named, Reader, Took, names_of, readers_of
from bench.kept import FULL, POSTGRES, KeptStore, asked_engine, asked_folder, kept_store
from bench.processes import ServedProcess
from vigie_server.clock import utc_now
from vigie_server.store.database import Database

SIZES: Final = (1_000, 10_000)
PAGES: Final = 60
READERS: Final = 50
READ_FOR: Final = 20.0
"""Seconds that many readers read together."""


@dataclass(frozen=True, slots=True)
class Listed(Asked):
    """One list at one size, page after page."""

    pages: int

    def told(self) -> str:
        """A line for people."""
        return self.begun() + self.took.told()


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
    engine = asked_engine()
    sizes = (*SIZES, FULL)[: None if os.environ.get("VIGIE_BENCH_FULL") else -1]
    if os.environ.get("FOLDER") or engine == POSTGRES:
        sizes = sizes[-1:]
    found: list[Listed | ReadTogether] = []
    for devices in sizes:
        place = asked_folder(folder / str(devices))
        async with kept_store(place, engine=engine, devices=devices) as store:
            lists = Lists.of(store)
            async with store.served() as server:
                found += await asyncio.to_thread(lists.read, server)
                if devices == sizes[-1]:
                    found.append(await asyncio.to_thread(lists.together, server))
    return found


@dataclass(frozen=True, slots=True)
class Lists:
    """Every list over a store, and who reads it: a token by their scope."""

    store: KeptStore
    readers: Mapping[str, str]
    lists: Named

    @classmethod
    def of(cls, store: KeptStore) -> "Lists":
        """Makes a token a scope."""
        database = Database(store.url)
        try:
            return cls(store, readers_of(store), _lists(names_of(database)))
        finally:
            database.close()

    def read(self, server: ServedProcess) -> Sequence[Listed]:
        """Pages through every list. Blocking."""
        return [
            self._listed(server, path, name, scope)
            for name, path, scopes in self.lists
            for scope in scopes
        ]

    def _listed(self, server: ServedProcess, path: str, name: str, scope: str) -> Listed:
        reader = Reader(self.store.data, server.http, self.readers[scope])
        spent: list[float] = []

        def ask() -> Sequence[float]:
            spent.extend(pages_of(reader, path, PAGES))
            return spent

        took = Took.asking(self.store, server, ask)
        store = self.store
        return Listed(store.engine, store.devices, name + scope, spent[0] * 1e3, took, len(spent))

    def together(self, server: ServedProcess) -> ReadTogether:
        """Many readers who page through the devices without pause. Blocking."""
        return _together(self.store.data, server, self.readers[""], self.store.devices)


def _lists(names: dict[str, str]) -> Named:
    """Every list."""
    whole, every = WHOLE, EVERY
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
        (f"days of {rule}", f"/rules/{rule}/days?days=365", every),
        ("sites with levels", "/sites", whole),
        ("cards", "/assets", every),
        ("groups", "/groups", whole),
        ("audit", "/audit", whole),
        ("attestations of a site", f"{site}/attestations", whole),
        ("waivers of a site", f"{site}/waivers", whole),
        ("incidents of a site", f"{site}/incidents", whole),
        ("inventories of a site", f"{site}/inventories", whole),
    )  # fmt: skip


def page_of(reader: Reader, path: str) -> tuple[float, str | None]:
    """Seconds until the page was whole, and the path of the next one."""
    spent, body = reader.get(path)
    following: str | None = json.loads(body)["next"]
    return spent, following


def pages_of(reader: Reader, path: str, count: int) -> list[float]:
    """Seconds of each of so many pages; from the beginning again after the last one."""
    spent = []
    first = following = "/api/v1" + path
    for _ in range(count):
        took, after = page_of(reader, following)
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
            took, following = page_of(reader, following or "/api/v1/devices")
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
