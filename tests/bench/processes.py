"""Programs under measurement, each in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ServedProcess:
    """A running server and its ports."""

    process: psutil.Process
    telemetry: int
    enrolment: int
    http: int

    def cpu(self) -> float:
        """CPU seconds used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def resident(self) -> int:
        """Bytes resident now."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def served(kind: str, folder: Path) -> AsyncIterator[ServedProcess]:
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
        yield ServedProcess(psutil.Process(process.pid), **ports)
    finally:
        process.stdin.close()
        await process.wait()
