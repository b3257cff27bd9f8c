"""A scraper over HTTPS that reads the bytes as they come, and a process that it scrapes."""

import asyncio
import http.client
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from bench.processes import ROOT
from vigie_server import clock
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.tokens import Tokens

READ_BYTES = 1 << 20
WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Scraped:
    """One scrape: the status, what came, and what it cost the server."""

    status: int
    body_bytes: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Scraper:
    """Scrapes one server."""

    process: psutil.Process
    port: int
    trust: Path
    token: str

    async def __call__(self, *, gzip: bool, path: str = "/metrics") -> Scraped:
        """One scrape, on a connection of its own."""
        before, began = cpu(self.process.pid), time.perf_counter()
        status, size = await asyncio.to_thread(self._read, path, gzip)
        seconds = time.perf_counter() - began
        return Scraped(status, size, seconds, cpu(self.process.pid) - before)

    def _read(self, path: str, gzip: bool) -> tuple[int, int]:
        context = ssl.create_default_context(cafile=str(self.trust))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=WITHIN
        )
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept-Encoding": "gzip" if gzip else "identity",
        }
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            size = 0
            while piece := answer.read(READ_BYTES):
                size += len(piece)
            return answer.status, size
        finally:
            connection.close()


def scrape_token(settings: ServerSettings) -> str:
    """A token for scrapes."""
    database = Database(sqlite_url(settings.data / "vigie.db"))
    try:
        return MakeTokens(Tokens(database), now=clock.utc_now, actor="bench").api(
            name="bench", role=Role.SCRAPE, sites=None, lifetime=timedelta(days=1)
        )[1]
    finally:
        database.close()


def cpu(pid: int) -> float:
    """CPU seconds of a process so far, all threads, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


@dataclass(frozen=True, slots=True)
class FleetProcess:
    """A running `bench.scrape_server`."""

    process: asyncio.subprocess.Process
    told: dict[str, float]
    scrape: Scraper

    async def ask(self, line: str) -> dict[str, float]:
        """Has it do something; what it says of that."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        return await _answer(self.process)


@asynccontextmanager
async def scraped_server(
    settings: ServerSettings, token: str, devices: int
) -> AsyncIterator[FleetProcess]:
    """`bench.scrape_server` with so many devices, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.scrape_server",
        str(settings.data),
        str(devices),
        cwd=ROOT / "tests",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        told = await _answer(process)
        trust = settings.data / "ca" / "https.crt"
        scraper = Scraper(psutil.Process(process.pid), int(told["port"]), trust, token)
        yield FleetProcess(process, told, scraper)
    finally:
        process.stdin.close()
        await process.wait()


async def _answer(process: asyncio.subprocess.Process) -> dict[str, float]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise SystemExit("the server under measurement has ended")
    told: dict[str, float] = json.loads(line)
    return told
