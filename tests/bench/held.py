"""Devices that stay: real streams, each with a heartbeat a minute, held all at once.

`make bench PART=held DEVICES=18000 MINUTES=5`; also SERVERS (2: that many over one PostgreSQL, each
with its share of the devices), PER_SECOND (how fast they come), AFTER (`kill`, `stop`, or both with
a comma: how the server ends afterwards, and what its devices go through), and FOLDER, where store
and fleet stay for the next time. Without them 2,000 devices stay for a minute. A stream is an open
file of the server's and of the one process (`bench.holder`) that stands for a server's devices:
`ulimit -n` bounds them.
"""

import asyncio
import json
import os
import re
import shutil
import ssl
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.fleet import simulate
from bench.holder import COUNTERS, COUNTS, HISTOGRAMS
from bench.ingest import STORE_URL
from bench.kept import SETTINGS, a_token
from bench.processes import ROOT, ServedProcess, served
from bench.serve import prepare
from fakes.postgres import kept_postgres
from vigie_server.simulator.histogram import Histogram
from vigie_server.store.database import Database, sqlite_url

DEFAULTS: Mapping[str, str] = {
    "DEVICES": "2000",
    "MINUTES": "1",
    "SERVERS": "1",
    "PER_SECOND": "100",
    "AFTER": "",
}
HEARTBEAT: Final = 60.0
PROBE: Final = 20
"""Of so many heartbeats one is followed by a report, whose acknowledgement is timed."""
WANTED: Final = 40_000
"""Devices a core."""
LOOK: Final = 0.5
SETTLES: Final = 10.0
BACK_WITHIN: Final = 900.0
"""Seconds that devices have to be connected, all of them."""
AFTERWARDS: Final = 60.0
"""Seconds after a wave at which the memory is looked at."""
HEARD: Final = re.compile(rb"^vigie_ingest_heartbeats_total (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Held:
    """What devices cost that stayed."""

    devices: int
    servers: int
    load: float
    figures: Mapping[str, Any]

    def told(self) -> str:
        """A few lines for people."""
        f, acks = self.figures, self.figures["acks_seconds"]
        return (
            f"held: {self.devices} devices on {self.servers} server(s) for {f['seconds']:.0f} s, a "
            f"heartbeat each {HEARTBEAT:g} s; load before {self.load:.1f}\n"
            f"  server: {f['cores']:.3f} of a core ({f['rest']:.3f} before), PostgreSQL "
            f"{f['database_cores']:.3f}; {f['stream_bytes'] / 1024:.0f} KiB a stream, "
            f"{f['resident_bytes'] / 2**20:.0f} MiB in all, {f['at_rest_bytes'] / 2**20:.0f} "
            f"before\n"
            f"  devices that one core bears: {f['devices_a_core']:,.0f} (wanted {WANTED:,}), "
            f"{f['devices_a_core_beyond_rest']:,.0f} beside what the server does by itself\n"
            f"  heartbeats: {f['heartbeats']} sent, {f['unheard']} not heard; of {f['probes']} "
            f"that a report followed {f['acknowledged']} acknowledged, {f['late']} after more than "
            f"a second; p50 {acks['p50'] * 1e3:.0f}, p99 {acks['p99'] * 1e3:.0f}, at most "
            f"{acks['max'] * 1e3:.0f} ms; sessions ended {sum(f['ends'].values())}\n"
            f"  connecting: {f['connecting_seconds']:.0f} s, {f['connecting_cpu'] * 1e3:.2f} ms of "
            f"the server's CPU each, welcomed after p50 {f['welcomed_seconds']['p50'] * 1e3:.0f}, "
            f"p99 {f['welcomed_seconds']['p99'] * 1e3:.0f} ms; "
            f"not at once: {f['connecting_ends']}\n"
            f"  clients: {f['client_cores']:.2f} of a core, late by p99 "
            f"{f['lag_seconds']['p99'] * 1e3:.0f} ms"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {
            "devices": self.devices,
            "servers": self.servers,
            "load_before": self.load,
            "heartbeat": HEARTBEAT,
            **self.figures,
        }


@dataclass(frozen=True, slots=True)
class CameBack:
    """What a crowd went through whose server ended (`how`) and was there again."""

    how: str
    devices: int
    figures: Mapping[str, Any]

    def told(self) -> str:
        """A few lines for people."""
        f, welcomed = self.figures, self.figures["greetings_seconds"]
        goodbyes = (
            f"{f['goodbyes']} told goodbye within {f['told_within']} s, to come back over "
            f"{f['asked_back_over']} s, {f['asked_busiest']} in the busiest second; "
            if f["goodbyes"]
            else ""
        )
        return (
            f"held, {self.how}: the server ended after {f['ended_after']:.1f} s and listened again "
            f"at {f['listening_at']:.1f} s; {goodbyes}\n"
            f"  of {self.devices} devices half were back at {f['half_at']} s, 99 % at "
            f"{f['most_at']} s, all at {f['all_at']} s; {f['busiest']} in the busiest second; "
            f"welcomed after p50 {welcomed['p50'] * 1e3:.0f}, p99 {welcomed['p99'] * 1e3:.0f}, "
            f"at most {welcomed['max'] * 1e3:.0f} ms\n"
            f"  {f['cpu_each'] * 1e3:.2f} ms of the server's CPU each; at most "
            f"{f['peak_bytes'] / 2**20:.0f} MiB, {f['resident_bytes'] / 2**20:.0f} MiB "
            f"{AFTERWARDS:g} s later; tried in vain: {f['ends']}; "
            f"waited for their own process p99 {f['waits_seconds']['p99']:.1f} s"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {"how": self.how, "devices": self.devices, **self.figures}


async def measure(folder: Path) -> Sequence[Held | CameBack]:
    """Plants a fleet unless it is there, has it stay, and ends its server where that is asked."""
    asked = {name: os.environ.get(name) or value for name, value in DEFAULTS.items()}
    devices, servers = int(asked["DEVICES"]), int(asked["SERVERS"])
    folder = ROOT / (os.environ.get("FOLDER") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Held | CameBack] = []
    async with AsyncExitStack() as stack:
        if servers > 1:
            postgres = stack.enter_context(kept_postgres(folder / "postgres", **SETTINGS))
            os.environ[STORE_URL] = postgres.url  # of this process and of those it starts
            stack.callback(os.environ.pop, STORE_URL)
            database = psutil.Process(postgres.pid)
        else:
            database = None
        folders = await _planted(folder, devices, servers)
        token = _token(folders[0])
        load = os.getloadavg()[0]
        running = [Running(one, database) for one in folders]
        for one in running:
            await one.start()
            stack.push_async_callback(one.stop)
        rest = sum([await one.server.at_rest() for one in running])
        crowd = await stack.enter_async_context(
            crowded(folder / "fleet.db", running, devices, float(asked["PER_SECOND"]) / servers)
        )
        figures = await _held(crowd, running, devices, float(asked["MINUTES"]) * 60, token)
        beyond = max(figures["cores"] - rest, 1e-6) / devices
        bears = {"rest": rest, "devices_a_core_beyond_rest": (1 - rest / servers) / beyond}
        found.append(Held(devices, servers, load, figures | bears))
        for how in filter(None, asked["AFTER"].split(",")):
            print(found[-1].told(), flush=True)
            found.append(CameBack(how, devices, await _came_back(crowd, running, devices, how)))
    return found


class Running:
    """A server that can be ended, and started again."""

    def __init__(self, folder: Path, database: psutil.Process | None) -> None:
        self.folder = folder
        self._database = database
        self._stack = AsyncExitStack()
        self.server: ServedProcess

    async def start(self) -> None:
        """Serves, on ports of this time."""
        self._stack = AsyncExitStack()
        self.server = await self._stack.enter_async_context(
            served("real", self.folder, self._database)
        )

    async def stop(self) -> None:
        """Stops it in good order."""
        await self._stack.aclose()

    async def kill(self) -> None:
        """Ends it as kill -9 does."""
        self.server.process.kill()
        await self._stack.aclose()

    def heard(self, token: str) -> int:
        """Heartbeats that it says it heard."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.server.http}/metrics",
            headers={"Authorization": f"Bearer {token}"},
        )
        unproven = ssl._create_unverified_context()  # noqa: S323, SLF001 (of loopback)
        with urllib.request.urlopen(request, context=unproven) as answer:  # noqa: S310
            found = HEARD.search(answer.read())
        assert found is not None
        return int(float(found[1]))


class Crowd:
    """The processes that stand for devices, one for each server."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def say(self, *lines: str) -> None:
        """A line to each, or the same one to all."""
        for place, process in enumerate(self._processes):
            assert process.stdin is not None
            process.stdin.write(lines[place % len(lines)].encode() + b"\n")
            await process.stdin.drain()

    async def tell(self) -> dict[str, Any]:
        """The figures of all, together."""
        await self.say("tell")
        told = []
        for process in self._processes:
            assert process.stdout is not None
            told.append(json.loads(await process.stdout.readline()))
        found: dict[str, Any] = {
            name: sum(one[name] for one in told)
            for name in ("held", "beats", "cpu", "peak_kib", *COUNTS)
        }
        found["seconds"] = max(one["seconds"] for one in told)
        for name in HISTOGRAMS:
            merged = Histogram()
            for one in told:
                merged.merge(Histogram.read(one[name]))
            found[f"{name}_seconds"] = {
                "count": merged.count,
                **{f"p{share}": merged.quantile(share / 100) for share in (50, 95, 99)},
                "max": merged.maximum,
            }
        for name in COUNTERS:
            counted: Counter[str] = Counter()
            for one in told:
                counted.update(one[name])
            found[name] = dict(counted)
        return found

    async def whole(self, devices: int) -> dict[str, Any]:
        """The figures once all devices are connected."""
        began = said = time.monotonic()
        while (told := await self.tell())["held"] < devices:
            if time.monotonic() - said > SETTLES:
                said = time.monotonic()
                print(f"{told['held']} of {devices} devices are connected", flush=True)
            if said - began > BACK_WITHIN:
                raise SystemExit(f"only {told['held']} devices were connected: {told['ends']}")
            await asyncio.sleep(LOOK)
        return told


@asynccontextmanager
async def crowded(
    fleet: Path, running: Sequence[Running], devices: int, per_second: float
) -> AsyncIterator[Crowd]:
    """The devices, which begin to connect, a part of them to each server."""
    processes, share = [], devices // len(running)
    for place, one in enumerate(running):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bench.holder"),
            cwd=ROOT / "tests",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        assert process.stdin is not None
        plan = {
            "fleet": str(fleet),
            "port": one.server.telemetry,
            "first": place * share,
            "until": devices if one is running[-1] else (place + 1) * share,
            "per_second": per_second,
            "heartbeat": HEARTBEAT,
            "probe": PROBE,
        }
        process.stdin.write(json.dumps(plan).encode() + b"\n")
        processes.append(process)
    try:
        yield Crowd(processes)
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


async def _planted(folder: Path, devices: int, servers: int) -> Sequence[Path]:
    """The folders of the servers, over a store that holds the fleet."""
    if servers == 1:
        folders = [folder]
    else:
        folders = [folder / f"server-{number}" for number in range(servers)]
    fleet = folder / "fleet.db"
    if not fleet.exists():
        prepare(folders[0])
        planting = folder / "planting.db"  # one that was cut short is refused, and not run
        await simulate("plant", "--devices", str(devices), fleet=planting, server=folders[0])
        planting.rename(fleet)
    for one in folders[1:]:
        if not one.exists():
            shutil.copytree(folders[0] / "ca", one / "ca")
            prepare(one)
    return folders


def _token(folder: Path) -> str:
    with closing(Database(os.environ.get(STORE_URL) or sqlite_url(folder / "vigie.db"))) as store:
        return a_token(store, 0)


class Looked:
    """What servers had used at an instant."""

    def __init__(self, running: Sequence[Running]) -> None:
        self.at = time.monotonic()
        self.cpu = sum(one.server.cpu() for one in running)
        self.database = running[0].server.database_cpu()
        self.resident = sum(one.server.resident() for one in running)


async def _held(
    crowd: Crowd, running: Sequence[Running], devices: int, seconds: float, token: str
) -> dict[str, Any]:
    before = Looked(running)
    connected = await crowd.whole(devices)
    come = Looked(running)
    await asyncio.sleep(SETTLES)
    begun = Looked(running)
    await crowd.say("begin")
    await asyncio.sleep(seconds)
    told = await crowd.tell()
    ended = Looked(running)
    heard = sum([await asyncio.to_thread(one.heard, token) for one in running])
    took = ended.at - begun.at
    return {
        **told,
        "unheard": max(0, told["beats"] - heard),
        "cores": (ended.cpu - begun.cpu) / took,
        "database_cores": (ended.database - begun.database) / took,
        "client_cores": told["cpu"] / took,
        "at_rest_bytes": before.resident,
        "resident_bytes": ended.resident,
        "stream_bytes": (ended.resident - before.resident) / devices,
        "connecting_seconds": connected["seconds"],
        "connecting_cpu": (come.cpu - before.cpu) / devices,
        "connecting_ends": connected["ends"],
        "welcomed_seconds": connected["greetings_seconds"],
        "waited_seconds": connected["waits_seconds"],
        "devices_a_core": devices * took / (ended.cpu - begun.cpu),
    }


async def _came_back(
    crowd: Crowd, running: Sequence[Running], devices: int, how: str
) -> dict[str, Any]:
    await crowd.say("begin")
    began = time.monotonic()
    ending = "kill" if how == "kill" else "stop"
    await asyncio.gather(*(getattr(one, ending)() for one in running))
    ended_after = time.monotonic() - began
    for one in running:
        await one.start()
    await crowd.say(*(f"port {one.server.telemetry}" for one in running))
    listening_at = time.monotonic() - began
    told = await crowd.whole(devices)
    come = Looked(running)
    peak = sum(_peak(one.server.process.pid) for one in running)
    await asyncio.sleep(AFTERWARDS)
    back = sorted((int(second), times) for second, times in told["back"].items())
    asked = sorted((int(second), times) for second, times in told["asked"].items())
    return {
        **{name: told[name] for name in ("greetings_seconds", "waits_seconds", "ends", "back")},
        "ended_after": ended_after,
        "listening_at": listening_at,
        "goodbyes": sum(told["goodbyes"].values()),
        "told_within": max(map(int, told["goodbyes"]), default=0) + 1,
        "asked_back_over": asked[-1][0] if asked else 0,
        "asked_busiest": max((times for _, times in asked), default=0),
        "half_at": _reached(back, devices / 2),
        "most_at": _reached(back, devices * 0.99),
        "all_at": _reached(back, devices),
        "busiest": max(times for _, times in back),
        "cpu_each": come.cpu / devices,
        "peak_bytes": peak,
        "resident_bytes": Looked(running).resident,
    }


def _reached(back: Sequence[tuple[int, int]], count: float) -> int:
    """The second at which so many were back."""
    so_far = 0
    for second, times in back:
        so_far += times
        if so_far >= count:
            return second
    return back[-1][0]


def _peak(pid: int) -> int:
    """The most memory that a process had resident, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
