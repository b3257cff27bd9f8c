"""Contractors who page through the fleet together: 50 tokens of role `contractor`, over HTTPS.

`make bench PART=contractors`: 10,000 devices and 20 changes each; with VIGIE_BENCH_FULL=1 100,000
and 80. With FOLDER a grown store stays for the next time (`bench.kept`); ENGINE=postgres. Every
page is 100 devices, the default, on kept connections. The same readers load the server in two ways:

- *closed*: scripts without pause; each asks for its next page when it has one. Fifty of them ask as
  fast as one core answers, so the time of a page is fifty times what it costs.
- *thinking*: scripts that work a second on each page, on average: 50 pages a second at most.

And they see in two ways: each the 40 or so sites that it serves, all fifty together the whole
fleet; or each every site, named one by one in its token, as a contractor's token has to.
Every page is noted in the audit before it is answered, as for any contractor.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bench.kept import asked_devices, asked_engine, asked_folder, kept_store
from bench.pager import Paged, Plan
from bench.processes import ROOT, ServedProcess
from vigie_server.clock import utc_now
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens

READERS: Final = 50
THINKING: Final = 1.0
"""Seconds that a script works on a page, on average."""
WARM: Final = 5.0
"""Seconds of reading before it counts: connections are made, caches filled."""
READ_FOR: Final = 20.0
LISTS: Final = {"devices": "/api/v1/devices"}


@dataclass(frozen=True, slots=True)
class PagedTogether:
    """What one load came to. CPU is the server's a page, less what it used at rest."""

    devices: int
    readers: int
    sees: str
    think: float
    pages: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms_a_page: float
    of_a_core: float
    client_of_a_core: float
    page_bytes: int
    resident_before: int
    resident_after: int

    def told(self) -> str:
        """One line for people."""
        load = f"think {self.think:g} s" if self.think else "closed loop"
        return (
            f"{self.devices:>7} devices  {self.readers} contractors, {self.sees}, {load}: "
            f"{self.per_second:.0f} pages/s, p50 {self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms, "
            f"p99 {self.p99_ms:.0f} ms; {self.cpu_ms_a_page:.2f} ms of CPU a page "
            f"({self.of_a_core:.2f} of a core, client {self.client_of_a_core:.2f}), "
            f"{self.page_bytes / 1e3:.0f} kB; resident {self.resident_before / 2**20:.0f} MiB "
            f"before, {self.resident_after / 2**20:.0f} after"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure(folder: Path) -> Sequence[PagedTogether]:
    """Each way to see, under each load."""
    devices = asked_devices()
    found = []
    async with kept_store(asked_folder(folder), engine=asked_engine(), devices=devices) as store:
        database = Database(store.url)
        try:
            ways = {"their own sites": _tokens(database, own=True)}
            ways["every site"] = _tokens(database, own=False)
        finally:
            database.close()
        async with store.served() as server:
            idle = await server.at_rest()
            for sees, tokens in ways.items():
                for think in (THINKING, 0.0):
                    await _read(store.data, server, tokens, think, WARM)
                    before, cpu = server.resident(), server.cpu()
                    paged = await _read(store.data, server, tokens, think, READ_FOR)
                    used = server.cpu() - cpu - idle * READ_FOR
                    after = server.resident()
                    found.append(_told(devices, sees, think, paged, used, before, after))
    return found


def _tokens(database: Database, *, own: bool) -> list[str]:
    """A token a reader: with a share of the sites of its own, or with all."""
    with database.reading() as connection:
        names = list(connection.execute(text("SELECT name FROM site ORDER BY key")).scalars())
    make = MakeTokens(Tokens(database), utc_now, "bench")
    return [
        make.api(
            name=f"contractor {number}",
            role=Role.CONTRACTOR,
            sites=names[number::READERS] if own else names,
            lifetime=timedelta(days=1),
        )[1]
        for number in range(READERS)
    ]


async def _read(
    folder: Path, server: ServedProcess, tokens: list[str], think: float, seconds: float
) -> Paged:
    authority = str(folder / "ca" / "https.crt")
    plan = Plan(server.http, authority, tokens, LISTS["devices"], seconds, think)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.pager",
        cwd=ROOT / "tests",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate(json.dumps(asdict(plan)).encode())
    if process.returncode:
        raise SystemExit(f"the readers ended with {process.returncode}")
    return Paged(**json.loads(told))


def _told(
    devices: int, sees: str, think: float, paged: Paged, used: float, before: int, after: int
) -> PagedTogether:
    spent = sorted(paged.spent)
    pages = len(spent)
    p50, p95, p99 = (spent[int(pages * share)] * 1e3 for share in (0.5, 0.95, 0.99))
    return PagedTogether(
        devices=devices,
        readers=READERS,
        sees=sees,
        think=think,
        pages=pages,
        per_second=pages / READ_FOR,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        cpu_ms_a_page=used / pages * 1e3,
        of_a_core=used / READ_FOR,
        client_of_a_core=paged.cpu / READ_FOR,
        page_bytes=paged.size // pages,
        resident_before=before,
        resident_after=after,
    )
