"""What the server adds to a bare stream: changed reports and heartbeats, against the floor."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from bench.load import Change, Script, changed_reports, drive, heartbeats, unchanged_reports
from bench.processes import ServedProcess, served
from bench.serve import IN_FLIGHT, bench_settings, prepare
from fakes.postgres import own_postgres
from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.bootstrap.store import authorities, open_store
from vigie_server.bundled import bundled_catalogue
from vigie_server.ca import authority
from vigie_server.domain.topics import Topic
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import PREFIX
from vigie_server.simulator.fleet import Addresses, Fleet, SimulatedDevice
from vigie_server.simulator.recorded import Recording
from vigie_server.store.tokens import Tokens

STORE_URL = f"{PREFIX}STORE__URL"
DEVICES = 16
REPORTS = 600
HEARTBEATS = 3000
ROUNDS = 3
ROWS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of message at one server: the median round."""

    per_second: float
    cpu_microseconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The real server against the floor."""

    what: str
    real: Figure
    floor: Figure
    wanted: float

    @property
    def ratio(self) -> float:
        """Rate of the real server over the floor's."""
        return self.real.per_second / self.floor.per_second

    def told(self) -> str:
        """One line for people."""
        return (
            f"{self.what:<38} {self.real.per_second:>8.0f}/s of {self.floor.per_second:>8.0f}/s"
            f"   ratio {self.ratio:.2f} (wanted {self.wanted:.2f})"
            f"   CPU {self.real.cpu_microseconds:.0f} us of {self.floor.cpu_microseconds:.0f}"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {**asdict(self), "ratio": self.ratio}


async def measure_on_postgres(folder: Path) -> Sequence[Comparison]:
    """The same as `measure`, over a PostgreSQL of this run that waits for the disk."""
    with own_postgres() as postgres:
        postgres.start(fsync="on", autovacuum="on")
        os.environ[STORE_URL] = postgres.url  # of this process and of those it starts
        try:
            return await measure(folder)
        finally:
            del os.environ[STORE_URL]


async def measure(folder: Path) -> Sequence[Comparison]:
    """Every kind of message, real and floor in turn, in one run."""
    settings = prepare(folder)
    topic = bundled_catalogue().topics["firewall"]
    recording = Recording("linux", "bench", clock.utc_now(), {})
    devices = [
        SimulatedDevice(f"bench-{number:03d}", f"BENCH{number:04d}", recording, number)
        for number in range(DEVICES)
    ]
    async with served("real", folder) as real, served("floor", folder) as floor:
        certificate = authority.load(authorities(settings), authority.DEVICES).certificate_pem
        await _enrol(settings_folder=folder, real=real, devices=devices, authority_pem=certificate)

        compared = []
        first = 1
        for change in Change:
            compared.append(
                await _compare(
                    f"changed, {change.value}",
                    real,
                    floor,
                    devices,
                    partial(_changed, topic, change, first),
                    count=REPORTS,
                    in_flight=IN_FLIGHT,
                    wanted=0.5,
                )
            )
            first += ROUNDS * REPORTS
        compared.append(
            await _compare(
                "unchanged, digest alone",
                real,
                floor,
                devices,
                partial(_unchanged, topic, first),
                count=REPORTS,
                in_flight=IN_FLIGHT,
                wanted=0.8,
            )
        )
        first += ROUNDS * REPORTS
        compared.append(
            await _compare(
                "heartbeats",
                real,
                floor,
                devices,
                partial(_beating, topic, first),
                count=HEARTBEATS,
                in_flight=HEARTBEATS + 1,
                wanted=0.8,
            )
        )
    return compared


def _changed(topic: Topic, change: Change, first: int, turn: int, device: int) -> Script:
    return changed_reports(
        topic,
        device=device,
        rows=ROWS,
        first_seq=first + turn * REPORTS,
        count=REPORTS,
        change=change,
    )


def _unchanged(topic: Topic, first: int, turn: int, device: int) -> Script:
    return unchanged_reports(
        topic, device=device, rows=ROWS, first_seq=first + turn * REPORTS, count=REPORTS
    )


def _beating(topic: Topic, first: int, turn: int, device: int) -> Script:
    return heartbeats(topic, device=device, rows=ROWS, seq=first + turn, count=HEARTBEATS)


async def _compare(
    what: str,
    real: ServedProcess,
    floor: ServedProcess,
    devices: Sequence[SimulatedDevice],
    script: Callable[[int, int], Script],
    *,
    count: int,
    in_flight: int,
    wanted: float,
) -> Comparison:
    figures: dict[int, list[Figure]] = {real.telemetry: [], floor.telemetry: []}
    for turn in range(ROUNDS):
        scripts = [script(turn, device) for device in range(len(devices))]
        for server in (real, floor):
            cpu = server.cpu()
            seconds = await drive(server.telemetry, devices, scripts, in_flight=in_flight)
            messages = count * len(devices)
            figures[server.telemetry].append(
                Figure(messages / seconds, (server.cpu() - cpu) / messages * 1e6)
            )
    return Comparison(
        what, _middle(figures[real.telemetry]), _middle(figures[floor.telemetry]), wanted
    )


def _middle(rounds: Sequence[Figure]) -> Figure:
    return Figure(
        median(figure.per_second for figure in rounds),
        median(figure.cpu_microseconds for figure in rounds),
    )


async def _enrol(
    *,
    settings_folder: Path,
    real: ServedProcess,
    devices: Sequence[SimulatedDevice],
    authority_pem: bytes,
) -> None:
    database = open_store(bench_settings(settings_folder))
    _, text = MakeTokens(Tokens(database), now=clock.utc_now, actor="bench").enrolment(
        endpoints=(f"127.0.0.1:{real.enrolment}",),
        ca_sha256=bytes(32),
        site="bench",
        profile="standard",
        max_uses=len(devices),
        lifetime=timedelta(days=1),
    )
    database.close()
    fleet = Fleet(
        Addresses(f"127.0.0.1:{real.enrolment}", f"127.0.0.1:{real.telemetry}", authority_pem),
        enrolment_token.decode(text).secret,
        {},
        clock.utc_now,
    )
    for device in devices:
        await fleet.enrol(device)
