"""What devices cost that come back, and those that stay: a paced fleet, a wave, held streams.

The fleet is the recorded devices under certificates of their own, enough of them that the server
holds hardly any of their records at hand. Seconds of CPU are the server's, without what it used at
rest before; they hold on a busy machine, waiting times do not.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from bench.processes import ROOT, ServedProcess, served
from bench.reported import filled
from bench.serve import prepare
from bench.visitor import Plan, Visitor
from fakes.scripted_device import a_key, a_request, key_pem
from vigie_server.bootstrap.store import authorities
from vigie_server.bundled import bundled_catalogue
from vigie_server.ca import authority
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.rules import Catalogue
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import Certificate, DeviceRow, SnapshotRow
from vigie_server.store.tables import table

FLEET = 4_000
VISITS = 1_500
PER_SECOND = 110.0
WAVE = 2_500
HELD = 2_000
BEATS = 10
AT_REST = 4.0
LATELY_COLLECTED = ("network", "usb_storage", "vpn")
"""What the packs ask every ten minutes."""

DEVICE, SNAPSHOT = table(DeviceRow), table(SnapshotRow)


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of the server, and what it is wanted to be."""

    what: str
    figure: float
    unit: str
    wanted: str
    beside: str

    def told(self) -> str:
        """One line for people."""
        wanted = f" (wanted {self.wanted})" if self.wanted else ""
        return f"{self.what:<46} {self.figure:>9.2f} {self.unit}{wanted}   {self.beside}"

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure(folder: Path) -> Sequence[Measured]:
    """A paced fleet, a wave and held streams, against one store."""
    settings = prepare(folder)
    catalogue = bundled_catalogue()
    database = Database(sqlite_url(settings.data / "vigie.db"))
    try:
        await filled(database, catalogue, count=FLEET)
        issuer = authority.load(authorities(settings), authority.DEVICES)
        visitors = _certified(database, folder, issuer, catalogue)
    finally:
        database.close()
    pem = issuer.certificate_pem.decode("ascii")
    found: list[Measured] = []
    async with served("floor", folder) as server:
        floor, _ = await _paced(server, pem, visitors)
    async with served("visited", folder) as server:
        found += await _visits(server, pem, visitors, floor)
        found.append(await _wave(server, pem, visitors))
    async with served("floor", folder) as server:
        bare_stream, bare_beat = await _staying(server, pem, visitors)
    async with served("real", folder) as server:
        stream, beat = await _staying(server, pem, visitors)
    found.append(
        Measured("held stream", stream / 1024, "KiB", "", f"floor {bare_stream / 1024:.0f} KiB")
    )
    beats = f"floor {bare_beat * 1e6:.0f} us, ratio {bare_beat / beat:.2f} (wanted 0.80)"
    found.append(Measured("heartbeat", beat * 1e6, "us CPU", "", beats))
    found.append(
        Measured("devices a core at 60 s", 60 / beat, "", "40000", "heartbeats alone, by CPU")
    )
    return found


async def _visits(
    server: ServedProcess, pem: str, visitors: Sequence[Visitor], floor: float
) -> Sequence[Measured]:
    await _paced(server, pem, visitors)  # each begins a spool: rows are written
    cost, outcome = await _paced(server, pem, visitors)
    beside = f"floor {floor * 1e3:.2f} ms, p99 {_share(outcome['served'], 0.99) * 1e3:.0f} ms"
    return [
        Measured("visit with nothing new", cost * 1e3, "ms CPU", "under 3.5", beside),
        Measured("of one core, 100,000 devices at 15 min", cost * 1e5 / 900, "", "under 0.5", ""),
    ]


async def _paced(
    server: ServedProcess, pem: str, visitors: Sequence[Visitor]
) -> tuple[float, dict[str, Any]]:
    """Seconds of CPU a visit."""
    plan = Plan(server.telemetry, pem, list(visitors[:VISITS]), PER_SECOND)
    rest = await _at_rest(server)
    began, cpu = perf_counter(), server.cpu()
    outcome = await _carried_out(plan)
    used = server.cpu() - cpu - rest * (perf_counter() - began)
    assert len(outcome["served"]) == VISITS, outcome["ends"]
    return used / VISITS, outcome


async def _wave(server: ServedProcess, pem: str, visitors: Sequence[Visitor]) -> Measured:
    plan = Plan(server.telemetry, pem, list(visitors[:WAVE]), 0, insist=True)
    cpu = server.cpu()
    outcome = await _carried_out(plan)
    assert len(outcome["served"]) == WAVE, outcome["ends"]
    refused = sum(outcome["ends"].values())
    served_half = _share(outcome["done_at"], 0.5)
    return Measured(
        f"wave of {WAVE} at once, until the last is served",
        outcome["seconds"],
        "s",
        "",
        f"half after {served_half:.0f} s, a visit let in p50 {_share(outcome['served'], 0.5):.2f} s"
        f" p99 {_share(outcome['served'], 0.99):.2f} s, {refused} refused,"
        f" {(server.cpu() - cpu) / WAVE * 1e3:.2f} ms CPU a device",
    )


async def _staying(
    server: ServedProcess, pem: str, visitors: Sequence[Visitor]
) -> tuple[float, float]:
    """Bytes of a held stream, and seconds of CPU of a heartbeat on it."""
    plan = Plan(server.telemetry, pem, list(visitors[:HELD]), 0, beats=BEATS)
    await _at_rest(server)
    before = server.resident()
    async with _visitor(plan) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert await process.stdout.readline() == b"held\n"
        rest = await _at_rest(server)
        stream = (server.resident() - before) / HELD
        began, cpu = perf_counter(), server.cpu()
        process.stdin.write(b"\n")
        await process.stdout.readline()
        used = server.cpu() - cpu - rest * (perf_counter() - began)
    return stream, used / (HELD * (BEATS + 1))


async def _at_rest(server: ServedProcess) -> float:
    """Seconds of CPU a second, with nobody there."""
    cpu = server.cpu()
    await asyncio.sleep(AT_REST)
    return (server.cpu() - cpu) / AT_REST


async def _carried_out(plan: Plan) -> dict[str, Any]:
    async with _visitor(plan) as process:
        assert process.stdout is not None
        found: dict[str, Any] = json.loads(await process.stdout.read())
    return found


@asynccontextmanager
async def _visitor(plan: Plan) -> AsyncIterator[asyncio.subprocess.Process]:
    """`bench.visitor` at work on this plan."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.visitor",
        cwd=ROOT / "tests",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


def _share(values: Sequence[float], part: float) -> float:
    return sorted(values)[int(len(values) * part)]


def _certified(
    database: Database, folder: Path, issuer: CertificateAuthority, catalogue: Catalogue
) -> Sequence[Visitor]:
    """Every device with a key and a certificate in a file, and the digests that the store holds."""
    now = datetime.now(UTC)
    with database.reading() as connection:
        devices = connection.execute(select(DEVICE.c.key, DEVICE.c.id)).all()
        held: dict[int, dict[str, tuple[int, str]]] = {}
        for row in connection.execute(
            select(SNAPSHOT).where(SNAPSHOT.c.topic.in_(LATELY_COLLECTED))
        ):
            version = catalogue.topics[row.topic].version
            held.setdefault(row.device_key, {})[row.topic] = (version, row.digest.hex())
    certificates, visitors = [], []
    for key, device_id in devices:
        private = a_key()
        issued = issuer.issue_device_certificate(a_request(private), device_id, now=now)
        pem = folder / f"{device_id}.pem"
        shown = x509.load_der_x509_certificate(issued.certificate).public_bytes(Encoding.PEM)
        pem.write_bytes(shown + key_pem(private))
        certificates.append(
            {
                "serial": issued.serial,
                "device_key": key,
                "not_after": issued.not_after,
                "issued_at": now,
            }
        )
        spool = secrets.token_hex(16)
        visitors.append(Visitor(str(pem), key, spool, 1, held.get(key, {})))
    with database.writing() as connection:
        connection.execute(table(Certificate).insert(), certificates)
    return visitors
