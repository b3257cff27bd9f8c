"""How long a server that starts on a stored fleet has no metrics, and what they cost it then."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import select

from bench.processes import served
from bench.scrape_http import Scraped, Scraper, cpu
from bench.scraped_fleet import NOW, ScrapedFleet
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.instants import to_store, to_store_or_none
from vigie_server.store.models import DeviceRow, Site, VerdictRow
from vigie_server.store.tables import table

GROUP = 1_000
WITHIN = 300.0
POLL = 0.1
REASON = json.dumps(
    {
        "fr": "Le chiffrement du disque C: est arrêté ; il protège les données en cas de vol.",
        "en": "Encryption of the disk C: is off; it protects data when the device is stolen.",
    }
)
OFFENDING = json.dumps([{"volume": "C:", "protection": "off", "method": "XTS-AES 256"}])
DEVICE, SITE, VERDICT = table(DeviceRow), table(Site), table(VerdictRow)

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Restarted:
    """A server that started on a stored fleet. `refused` answers were 503 with `Retry-After`."""

    devices: int
    verdicts: int
    store_bytes: int
    seconds: float
    cpu_seconds: float
    refused: int
    resident_bytes: int
    scraped: Scraped

    def told(self) -> str:
        """One line for people."""
        return (
            f"restart on {self.devices} devices, {self.verdicts} verdicts "
            f"({self.store_bytes / MB:.0f} MB): pages after {self.seconds:.1f} s "
            f"({self.cpu_seconds:.1f} s of CPU), {self.refused} scrapes refused before; "
            f"server {self.resident_bytes / MB:.0f} MB, then a scrape of "
            f"{self.scraped.body_bytes / MB:.1f} MB in {self.scraped.seconds:.2f} s"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure_restart(settings: ServerSettings, token: str, devices: int) -> Restarted:
    """Stores a fleet, and starts the server as it ships on it."""
    path = settings.data / "vigie.db"
    verdicts = _stored(path, ScrapedFleet(devices))
    began = time.perf_counter()
    async with served("real", settings.data) as server:
        trust = settings.data / "ca" / "https.crt"
        scrape = Scraper(server.process, server.http, trust, token)
        refused = 0
        async with asyncio.timeout(WITHIN):
            while (answer := await scrape(gzip=True, path="/metrics/fleet")).status == 503:
                refused += 1
                await asyncio.sleep(POLL)
        seconds, spent = time.perf_counter() - began, cpu(server.process.pid)
        assert answer.status == 200
        scraped = await scrape(gzip=True)
        return Restarted(
            devices=devices,
            verdicts=verdicts,
            store_bytes=path.stat().st_size,
            seconds=seconds,
            cpu_seconds=spent,
            refused=refused,
            resident_bytes=server.resident(),
            scraped=scraped,
        )


def _stored(path: Path, fleet: ScrapedFleet) -> int:
    """Writes the fleet's devices and verdicts; how many verdicts."""
    database, written = Database(sqlite_url(path)), 0
    views, sites = fleet.views(), dict[str, int]()
    try:
        while group := list(islice(views, GROUP)):
            with database.writing() as connection:
                for name in {view.device.site for view in group} - sites.keys():
                    adding = SITE.insert().values(name=name, created_at=NOW).returning(SITE.c.key)
                    sites[name] = connection.execute(adding).scalar_one()
                connection.execute(
                    DEVICE.insert(),
                    [_device(view, sites, fleet.catalogue.digest) for view in group],
                )
                ids = [view.device.id for view in group]
                found = connection.execute(
                    select(DEVICE.c.id, DEVICE.c.key).where(DEVICE.c.id.in_(ids))
                )
                keys = {row.id: row.key for row in found}
                rows = [row for view in group for row in _verdicts(view, keys[view.device.id])]
                written += len(rows)
                connection.exec_driver_sql(_INSERT, rows)
    finally:
        database.close()
    return written


def _device(view: DeviceView, sites: dict[str, int], digest: str) -> dict[str, object]:
    device = view.device
    return {
        "id": device.id,
        "site_key": sites[device.site],
        "profile": device.profile,
        "platform": device.platform,
        "state": device.state.value,
        "hostname": device.hostname,
        "os": device.os,
        "os_version": device.os_version,
        "chassis": device.chassis,
        "agent_version": device.agent_version,
        "enrolled_at": device.enrolled_at,
        "last_report_at": device.last_report_at,
        "clock_skew_seconds": device.clock_skew_seconds,
        "nomadic": device.nomadic,
        "judged_with": digest,
    }


_COLUMNS = (
    "device_key",
    "rule",
    "rule_version",
    "status",
    "reason",
    "offending",
    "measures",
    "topic_versions",
    "since",
    "failing_since",
    "waived",
    "evidence_at",
)
_INSERT = f"insert into verdict ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 (our own names)


def _verdicts(view: DeviceView, key: int) -> Iterator[tuple[object, ...]]:
    measures = iter(view.measures.items())
    at = to_store(NOW - timedelta(hours=1))
    for rule, standing in view.verdicts.items():
        failing = standing.status is Status.FAIL
        yield (
            key,
            rule,
            1,
            standing.status.value,
            REASON,
            OFFENDING if failing else "[]",
            json.dumps(dict(islice(measures, 1))),
            "{}",
            at,
            to_store_or_none(standing.failing_since),
            0,
            at,
        )
