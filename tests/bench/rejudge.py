"""How fast a running server judges a whole fleet again from what is stored.

The fleet is the recorded devices, each many times under names and serial numbers of its own. As in
a real fleet devices answered at moments of their own, about times of their own. The server runs in
a process of its own; the command `rules rejudge` is what sets it off.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from bench.processes import ROOT, ServedProcess, served
from bench.serve import prepare
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.reports import STATUSES, Limits, Report, Snapshot
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.topics import Topic
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.fleet import SimulatedDevice, simulated_devices
from vigie_server.simulator.recorded import Rows, recordings
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.records import Records
from vigie_server.store.tables import table

DEVICES = 10_000
GROUP = 500
WANTED_PER_SECOND = 1_000
WITHIN = 120.0
HEARD_WITHIN = 900
"""Seconds in which every device was heard."""
ANSWERED_WITHIN = 3_600
"""Seconds before it was heard in which a device answered."""
AT_REST = 0.05
"""CPU seconds a second of a server that has nothing to do, at most."""
LIVED = 43_200
"""Seconds by which what a device did in its life (a backup, an update) is earlier than recorded."""
DEVICE = table(DeviceRow)


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A whole fleet judged again."""

    devices: int
    rules: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def per_core_second(self) -> float:
        """Devices a second of CPU of the server."""
        return self.devices / self.cpu_seconds

    def told(self) -> str:
        """One line for people."""
        return (
            f"judged again: {self.devices} devices by {self.rules} rules in {self.seconds:.1f} s, "
            f"{self.per_core_second:.0f} a second of one core (wanted {WANTED_PER_SECOND}), "
            f"server at most {self.peak_bytes / 2**20:.0f} MiB"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {**asdict(self), "per_core_second": self.per_core_second}


async def measure(folder: Path) -> Sequence[Rejudged]:
    """Fills a store, has a server judge it again, and says what that took."""
    settings = prepare(folder)
    catalogue = bundled_catalogue()
    database = Database(sqlite_url(settings.data / "vigie.db"))
    try:
        await filled(database, catalogue, count=DEVICES)
        async with served("real", folder) as server:
            await _settled(server)
            Administration(database).judge_all_again()
            began, cpu = time.perf_counter(), server.cpu()
            await _judged(database)
            seconds, used = time.perf_counter() - began, server.cpu() - cpu
            peak = _peak(server)
    finally:
        database.close()
    return [Rejudged(DEVICES, len(catalogue.rules), seconds, used, peak)]


async def filled(database: Database, catalogue: Catalogue, *, count: int) -> None:
    """Every device reports once, and is judged, in this process."""
    keys = _devices(database, count)
    book, store = RuleBook(catalogue), Records(database)
    accept = AcceptReport(book, no_facts, OwnFigures(CollectorRegistry()), limits=Limits())
    found = recordings(ROOT / "tests" / "fixtures")
    simulated = zip(keys, simulated_devices(count, found), strict=True)
    now = datetime.now(UTC)
    while group := list(islice(simulated, GROUP)):
        changes: list[DeviceChange] = []
        for key, device in group:
            record = store.record(key)
            own = random.Random(device.seed)
            heard = now - timedelta(seconds=own.randrange(HEARD_WITHIN))
            report = report_of(device, heard, catalogue, own)
            accepted = await accept(record, report, received_at=heard)
            assert accepted.rejection is None, accepted.rejection
            changes.append(accepted.change)
        assert not store.commit(changes, ())


def _devices(database: Database, count: int) -> Sequence[int]:
    now = datetime.now(UTC)
    platforms = [found.platform for found in recordings(ROOT / "tests" / "fixtures")]
    with database.writing() as connection:
        site = connection.execute(
            table(Site).insert().values(name="bench", created_at=now).returning(table(Site).c.key)
        ).scalar_one()
        connection.execute(
            DEVICE.insert(),
            [
                {
                    "id": f"bench-{number:06d}",
                    "site_key": site,
                    "profile": "standard",
                    "platform": platforms[number % len(platforms)],
                    "state": "active",
                    "enrolled_at": now - timedelta(days=30),
                }
                for number in range(count)
            ],
        )
        return connection.execute(select(DEVICE.c.key).order_by(DEVICE.c.key)).scalars().all()


def report_of(
    device: SimulatedDevice, heard: datetime, catalogue: Catalogue, own: random.Random
) -> Report:
    elapsed = timedelta(seconds=own.randrange(ANSWERED_WITHIN))
    lived = timedelta(seconds=own.randrange(LIVED))
    answers = device.rows(heard - elapsed - lived, catalogue.topics)
    return Report(
        seq=1,
        sent_at=heard,
        elapsed=elapsed,
        snapshots=[_snapshot(catalogue.topics[name], rows) for name, rows in answers.items()],
    )


def _snapshot(topic: Topic, rows: Rows) -> Snapshot:
    declared = tuple(topic.columns)
    columns, ordered = canonical_rows(
        declared, [[row.get(name, "") for name in declared] for row in rows]
    )
    values = tuple(value for row in ordered for value in row)
    status = STATUSES.index("ok")
    digest = snapshot_digest(
        topic=topic.name,
        topic_version=topic.version,
        status=status,
        message="",
        columns=columns,
        values=values,
    )
    return Snapshot(
        topic=topic.name,
        topic_version=topic.version,
        digest=digest,
        status=status,
        message="",
        unchanged=False,
        columns=columns,
        values=values,
        row_count=len(rows),
        query_digest=b"",
    )


async def _settled(server: ServedProcess) -> None:
    """Returns once the server has started in full: it then shows every device, and rests."""
    async with asyncio.timeout(WITHIN):
        before = 0.0
        while (used := server.cpu()) - before > AT_REST:
            before = used
            await asyncio.sleep(1)


async def _judged(database: Database) -> None:
    """Returns once no device waits to be judged again; the time is bounded."""
    waiting = select(func.count()).select_from(DEVICE).where(DEVICE.c.judged_with == "")
    async with asyncio.timeout(WITHIN):
        while True:
            with database.reading() as connection:
                if connection.execute(waiting).scalar_one() == 0:
                    return
            await asyncio.sleep(0.05)


def _peak(server: ServedProcess) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


async def no_facts(*_: object) -> None:
    """Nothing is missing: every device has just reported."""
