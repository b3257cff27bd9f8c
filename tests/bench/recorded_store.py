"""The recorded devices, judged by the rules in force: what a grown store is made of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, text

from bench.processes import ROOT
from bench.reported import no_facts, report_of
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.reports import Limits
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.fleet import simulated_devices
from vigie_server.simulator.recorded import recordings
from vigie_server.store import epoch, migrating
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.records import Records
from vigie_server.store.tables import table

Row = dict[str, Any]
SITE, DEVICE = table(Site), table(DeviceRow)


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows as the product wrote them, in the order of the recordings: `device_key` runs from 1."""

    devices: list[Row]
    verdicts: list[Row]
    evidence: list[Row]
    judged_with: str


async def judged_recordings(folder: Path) -> Judged:
    """Every recording reports once to a store of its own, and is judged."""
    database = Database(sqlite_url(folder / "recorded.db"))
    try:
        migrating.migrate(database)
        epoch.prepare(database)
        catalogue = bundled_catalogue()
        book, store = RuleBook(catalogue), Records(database)
        accept = AcceptReport(book, no_facts, OwnFigures(CollectorRegistry()), limits=Limits())
        found = recordings(ROOT / "tests" / "fixtures")
        now = datetime.now(UTC)
        with database.writing() as connection:
            connection.execute(SITE.insert().values(key=1, name="recorded", created_at=now))
            connection.execute(
                DEVICE.insert(),
                [
                    {
                        "key": number,
                        "id": f"recorded-{number}",
                        "site_key": 1,
                        "profile": "standard",
                        "platform": recording.platform,
                        "state": "active",
                        "agent_version": "0.1.0",
                        "engine": "osqueryd",
                        "enrolled_at": now,
                    }
                    for number, recording in enumerate(found, start=1)
                ],
            )
        changes: list[DeviceChange] = []
        for number, device in enumerate(simulated_devices(len(found), found), start=1):
            record = store.record(number)
            report = report_of(device, now, catalogue, Random(number))
            accepted = await accept(record, report, received_at=now)
            assert accepted.rejection is None, accepted.rejection
            changes.append(accepted.change)
        assert not store.commit(changes, ())
        with database.reading() as connection:
            return Judged(
                _rows(connection, "SELECT * FROM device ORDER BY key"),
                _rows(connection, "SELECT * FROM verdict ORDER BY device_key, rule"),
                _rows(connection, "SELECT * FROM evidence ORDER BY device_key, topic"),
                book.digest,
            )
    finally:
        database.close()


def _rows(connection: Connection, sql: str) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(text(sql))]  # noqa: SLF001 (SQLAlchemy's name)
