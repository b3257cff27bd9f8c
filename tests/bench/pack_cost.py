"""What each Linux query of the packs costs: CPU, rows, and its share of a day of one core.

Each query is asked several times, of an engine made anew each time: what a table remembers between
two questions would be stale at the query's interval. The CPU is that of this process and of the
programs that tables run; of an osqueryd (`VIGIE_TEST_OSQUERYD`), of the daemon and its worker too.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from bench.agent import Figure
from vigie_agent import bundled
from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.packs import Query
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.engines.osqueryd_own import own_engine
from vigie_agent.ports import QueryEngine
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

TIMES: Final = 5
PATIENCE: Final = timedelta(seconds=60)
DAY: Final = timedelta(days=1)
CPU_OF_A_COLLECTION: Final = 3.0
SHARE_OF_A_CORE: Final = 0.2
"""Per cent, over a day, of all queries at the intervals that the packs name."""

Opened = Callable[[], QueryEngine]


@dataclass(frozen=True, slots=True)
class QueryCost:
    """One query on one engine. `outcome` is `ok` or why there is no answer."""

    engine: str
    query: str
    interval: timedelta
    cpu: float
    slowest: float
    rows: int
    outcome: str = "ok"

    @property
    def share(self) -> float:
        """Per cent of one core, over a day."""
        return self.cpu * (DAY / self.interval) / DAY.total_seconds() * 100

    def told(self) -> str:
        """One line for people."""
        outcome = "" if self.outcome == "ok" else f" {self.outcome}"
        return (
            f"{self.engine:<9}{self.query:<46}{self.cpu * 1000:>8.1f} ms CPU "
            f"(up to {self.slowest * 1000:.1f}){self.rows:>7} rows, every "
            f"{self.interval.total_seconds():>6.0f} s:{self.share:>9.5f} % of a core{outcome}"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        seconds = self.interval.total_seconds()
        return {**asdict(self), "interval": seconds, "share_of_a_core_percent": self.share}


async def measure(folder: Path) -> Sequence[QueryCost | Figure]:
    """Every query, dearest first, and the totals against their budget; by engine."""
    if sys.platform != "linux":
        raise SystemExit("the packs are measured with the embedded engine, which is for Linux")
    results: list[QueryCost | Figure] = []
    for engine, opened in _engines(folder):
        costs = sorted(costs_on(engine, opened), key=lambda cost: -cost.share)
        results += [*costs, *totals(engine, costs)]
    return results


def totals(engine: str, costs: Sequence[QueryCost]) -> Sequence[Figure]:
    """The whole set, asked once, and over a day; no verdict where a query gave no answer."""
    how = f"{len(costs)} queries, {sum(cost.rows for cost in costs)} rows"
    failed = [cost.query for cost in costs if cost.outcome != "ok"]
    if failed:
        how += f", {len(failed)} without an answer"
    budgets = (None, None) if failed else (CPU_OF_A_COLLECTION, SHARE_OF_A_CORE)
    whole, share = sum(cost.cpu for cost in costs), sum(cost.share for cost in costs)
    return [
        Figure(f"{engine}: CPU of one whole collection", whole, "s", budgets[0], how),
        Figure(f"{engine}: a day of the packs' schedule", share, "%", budgets[1], "of a core"),
    ]


def linux_queries() -> Sequence[Query]:
    """The queries of the shipped packs that a Linux device is asked."""
    packs = bundled.read_packs(bundled.folder("packs"))
    return [query for pack in packs for query in pack.queries if "linux" in query.platforms]


def embedded() -> EmbeddedEngine:
    """An embedded engine that remembers nothing yet."""
    return EmbeddedEngine(all_tables(Host()))


def _engines(folder: Path) -> Iterator[tuple[str, Opened]]:
    yield "embedded", embedded
    if program := os.environ.get("VIGIE_TEST_OSQUERYD"):
        ours = tuple(table for table in all_tables(Host()) if table.name.startswith("vigie_"))
        daemon = own_engine(Path(program), folder / "osqueryd", ours)
        try:
            yield "osqueryd", lambda: daemon
        finally:
            daemon.close()


def costs_on(engine: str, opened: Opened, *, times: int = TIMES) -> Iterator[QueryCost]:
    """What each Linux query costs: the median of so many times."""
    for query in linux_queries():
        with _asked(opened) as asked:
            answer = asked.query(query.sql, timeout=PATIENCE)  # modules are read the first time
        spent = [_spent(opened, query) for _ in range(times)]
        yield QueryCost(
            engine=engine,
            query=query.name,
            interval=query.interval,
            cpu=median(spent),
            slowest=max(spent),
            rows=len(answer.rows) if isinstance(answer, Rows) else 0,
            outcome=f"{answer.reason}: {answer.detail}" if isinstance(answer, QueryError) else "ok",
        )


def _spent(opened: Opened, query: Query) -> float:
    with _asked(opened) as engine:
        before = _cpu()
        engine.query(query.sql, timeout=PATIENCE)
        return _cpu() - before


@contextmanager
def _asked(opened: Opened) -> Iterator[QueryEngine]:
    """A fresh engine, closed afterwards; the one daemon stays."""
    engine = opened()
    try:
        yield engine
    finally:
        if isinstance(engine, EmbeddedEngine):
            engine.close()


def _cpu() -> float:
    """CPU seconds of this process, its ended programs, and the processes below it that live."""
    ended = os.times()
    living = sum(_cpu_of(process.pid) for process in psutil.Process().children(recursive=True))
    return time.process_time() + ended.children_user + ended.children_system + living


def _cpu_of(pid: int) -> float:
    """As in `bench.agent`: by the clock of the process, finer than what psutil counts in."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:  # it has just ended
        return 0.0
