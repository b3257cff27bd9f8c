"""What the agent costs its device: memory, CPU and start, of a real one against its budget.

It is enrolled with a real server on loopback, asks the embedded engine all packs as the user who
measures, and delivers. Times on the wall are medians, since machines are noisy.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil

from bench.agent_alone import agent_alone
from bench.processes import served
from bench.serve import prepare
from programs import Program, run
from vigie_server import clock
from vigie_server.bootstrap.store import authorities
from vigie_server.ca import authority
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.tokens import Tokens

STARTS = 9
SETTLES_WITHIN = 3.0
"""Seconds after the last topic in which the last report is delivered and acknowledged."""
IDLE = 30.0

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One cost. `budget` is the most that it may be; None for what has none."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    how: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it keeps to its budget; None where there is none."""
        return None if self.budget is None else self.measured <= self.budget

    def told(self) -> str:
        """One line for people."""
        verdict = {None: "no budget", True: "met", False: "MISSED"}[self.met]
        budget = "" if self.budget is None else f"budget {self.budget:g} {self.unit}: "
        return (
            f"{self.what:<42} {self.measured:>7.3g} {self.unit:<4} ({budget}{verdict}) {self.how}"
        ).rstrip()

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {**asdict(self), "met": self.met}


async def measure(folder: Path) -> Sequence[Figure]:
    """All figures, of one enrolled agent started several times."""
    if sys.platform != "linux":
        raise SystemExit("the agent is measured with its embedded engine, which is for Linux")
    settings = prepare(folder)
    command = agent_alone(folder / "alone")
    environment = {
        "VIGIE_AGENT_DATA_DIR": str(folder / "agent"),
        "VIGIE_AGENT_ENGINE__KIND": "embedded",
        # Compiled once, as installers do it, whatever the environment of the one who measures says.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    async with served("real", folder) as server:
        token = _token(settings, server.enrolment)
        await run(
            *command, "enroll", environment=environment | {"VIGIE_AGENT_ENROLMENT_TOKEN": token}
        )
        agent = Program((*command, "run"), environment)
        try:
            starts = [await _start(agent) for _ in range(STARTS)]
            return [_told_starts(starts), *await _one_day_in_short(agent)]
        finally:
            await agent.stop()


async def _start(agent: Program) -> float:
    """Seconds from exec to an open session; it is stopped before the next one."""
    await agent.stop()
    began = time.perf_counter()
    await agent.start()
    await agent.event("session_opened")
    return time.perf_counter() - began


def _told_starts(starts: Sequence[float]) -> Figure:
    how = f"median of {len(starts)}, {min(starts):.2f} to {max(starts):.2f}"
    return Figure("exec to the first open session", median(starts), "s", 1.0, how)


async def _one_day_in_short(agent: Program) -> Sequence[Figure]:
    """Collects everything once, then rests."""
    await agent.stop()
    await agent.start()
    process = psutil.Process(agent.pid)
    await agent.event("agent_started")
    started = _cpu(process.pid)
    ended = await agent.event("round_ended")
    await asyncio.sleep(SETTLES_WITHIN)  # a span to measure over, not a wait for anything
    collected = _cpu(process.pid)
    memory = process.memory_full_info()
    began = time.perf_counter()
    await asyncio.sleep(IDLE)
    share = (_cpu(process.pid) - collected) / (time.perf_counter() - began) * 100
    how = f"after the first collection, of {ended['topics']} topics"
    return [
        Figure("resident memory", memory.rss / MB, "MB", 80.0, how),
        Figure(
            "proportional share of it (PSS)", memory.pss / MB, "MB", how="beside a Python server"
        ),
        Figure("CPU while idle, of one core", share, "%", 0.2, f"over {IDLE:.0f} s after it"),
        Figure("CPU of one whole collection, delivered", collected - started, "s"),
        Figure("CPU of the start before it", started, "s"),
    ]


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far, to the nanosecond: psutil counts in hundredths.

    The number of another process's CPU clock is made as clock_getcpuclockid(3) makes it on Linux.
    """
    return time.clock_gettime(~pid << 3 | 2)


def _token(settings: ServerSettings, port: int) -> str:
    database = Database(sqlite_url(settings.data / "vigie.db"))
    try:
        _, text = MakeTokens(Tokens(database), now=clock.utc_now, actor="bench").enrolment(
            endpoints=(f"127.0.0.1:{port}",),
            ca_sha256=authority.load(authorities(settings), authority.DEVICES).sha256,
            site="bench",
            profile="standard",
            max_uses=1,
            lifetime=timedelta(days=1),
        )
    finally:
        database.close()
    return text
