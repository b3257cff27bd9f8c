"""A fleet that reports once, each device at a moment and about times of its own, and is judged."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from bench.processes import ROOT
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.reports import STATUSES, Limits, Report, Snapshot
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.topics import Topic
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.fleet import SimulatedDevice, simulated_devices
from vigie_server.simulator.recorded import Rows, recordings
from vigie_server.store.database import Database
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.records import Records
from vigie_server.store.tables import table

GROUP = 500
HEARD_WITHIN = 900
"""Seconds in which every device was heard."""
ANSWERED_WITHIN = 3_600
"""Seconds before it was heard in which a device answered."""
LIVED = 43_200
"""Seconds by which what a device did in its life (a backup, an update) is earlier than recorded."""
DEVICE = table(DeviceRow)


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


async def no_facts(*_: object) -> None:
    """Nothing is missing: every device has just reported."""
