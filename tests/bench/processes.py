"""Programs under measurement, each in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import psutil

ROOT = Path(__file__).resolve().parents[2]
SETTLED: Final = 0.1
"""CPU of a server that has little left to fill, of one core; its database included."""
LOOK_EVERY: Final = 5.0
QUIET_LOOKS: Final = 2
SETTLE_WITHIN: Final = 600.0


@dataclass(frozen=True, slots=True)
class ServedProcess:
    """A running server and its ports; `database` is PostgreSQL's first process."""

    process: psutil.Process
    telemetry: int
    enrolment: int
    http: int
    database: psutil.Process | None = None

    def cpu(self) -> float:
        """CPU seconds used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def database_cpu(self) -> float:
        """CPU seconds that PostgreSQL used so far; 0 where there is none."""
        if self.database is None:
            return 0.0
        used = 0.0
        for process in (self.database, *self.database.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used += times.user + times.system
        return used

    async def at_rest(self) -> float:
        """Waits until the server has filled what it shows; gives what it uses then, of a core.

        Says what it waits for. A server that never rests is measured all the same.
        """
        began, waited, quiet = monotonic(), 0.0, 0
        while True:
            before = self.cpu(), self.database_cpu()
            await asyncio.sleep(LOOK_EVERY)
            server, database = self.cpu() - before[0], self.database_cpu() - before[1]
            used, waited = (server + max(database, 0)) / LOOK_EVERY, monotonic() - began
            quiet = quiet + 1 if used < SETTLED else 0
            if quiet == QUIET_LOOKS or waited > SETTLE_WITHIN:
                print(f"the server uses {used:.2f} of a core after {waited:.0f} s", flush=True)
                return used
            print(
                f"waiting until the server has filled what it shows: {waited:.0f} s, it uses "
                f"{server / LOOK_EVERY:.2f} of a core, PostgreSQL {database / LOOK_EVERY:.2f}",
                flush=True,
            )

    def resident(self) -> int:
        """Bytes resident now."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def served(
    kind: str, folder: Path, database: psutil.Process | None = None
) -> AsyncIterator[ServedProcess]:
    """`bench.serve` in its own process, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.serve",
        kind,
        str(folder),
        cwd=ROOT / "tests",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=(folder / f"{kind}.log").open("wb"),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise SystemExit((folder / f"{kind}.log").read_text()[-2000:])
        ports = json.loads(line)
        yield ServedProcess(psutil.Process(process.pid), **ports, database=database)
    finally:
        process.stdin.close()
        await process.wait()
