"""What a fleet costs its server: simulated devices that come by the clock, each on a connection.

`make bench PART=fleet DEVICES=100000 MINUTES=10 PERIOD=900`; also MODE (visit, stay), CHANGES, WAVE
(`at=60,share=0.5`), PROCESSES, and FOLDER, where server and fleet stay for the next time: planting
100,000 devices takes minutes and 5 GB. The server runs in a process of its own, as it ships, and
holds none of the devices that visit. Devices come once it has shown the fleet and is at rest: what
it uses then is theirs. `make fleet-run` is the full run.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, ServedProcess, served
from bench.serve import prepare

DEFAULTS: Mapping[str, str] = {
    "DEVICES": "2000",
    "MINUTES": "1",
    "PERIOD": "60",
    "MODE": "visit",
    "CHANGES": "0.1",
    "PROCESSES": "1",
    "WAVE": "",
}
PERIODS = (300, 60)
"""Seconds; the capacity is told for these."""
SERVER_CORES = 0.5
"""What a server is to take at most of 110 visits a second."""
AT_REST = 0.1
"""Of a core: a server that uses less over a `LOOK` has nothing left to do of its start."""
LOOK = 5.0
RESTS_WITHIN = 900.0
"""Seconds. A server that is never at rest would have its start counted as visits."""
WITH_ERRORS = 1
"""How a run ends that had errors; they are in its result, and told with it."""


@dataclass(frozen=True, slots=True)
class Served:
    """A run of `vigie-sim` and what the server used meanwhile."""

    devices: int
    period: float
    mode: str
    load: float
    started: float
    result: Mapping[str, Any]

    @property
    def per_visit(self) -> float:
        """Seconds of the server's CPU a visit; in mode `stay`, a report of a device."""
        come = self.result["visits"] if self.mode == "visit" else self.result["arrivals"]
        return float(self.result["server"]["cpu_seconds"]) / max(int(come), 1)

    def told(self) -> str:
        """A few lines for people."""
        result, server = self.result, self.result["server"]
        acks = {name: value * 1e3 for name, value in result["acks_seconds"].items()}
        seconds, errors = result["seconds"], sum(result["errors"].values())
        capacity = ", ".join(f"{period / self.per_visit:,.0f} at {period} s" for period in PERIODS)
        return (
            f"fleet: {self.devices} devices, one {self.mode} each {self.period:g} s: "
            f"{result['visits']} visits ({result['arrivals'] / result['arriving']:.0f} a second), "
            f"{result['acked']} answers in {result['reports']} reports, "
            f"{result['undelivered']} undelivered, {errors} errors; load before {self.load:.1f}\n"
            f"  acknowledged after p50 {acks['p50']:.0f}, p95 {acks['p95']:.0f}, "
            f"p99 {acks['p99']:.0f}, at most {acks['max']:.0f} ms\n"
            f"  server: {server['cpu_seconds'] / seconds:.2f} of a core (wanted {SERVER_CORES}), "
            f"{self.per_visit * 1e3:.2f} ms a {self.mode}, at most "
            f"{server['peak_bytes'] / 2**20:.0f} MiB (its start before took {self.started:.0f} s "
            f"of CPU); devices that one core bears: {capacity}\n"
            f"  simulator: {result['cpu_seconds'] / seconds:.2f} of a core, late by p99 "
            f"{result['lag_seconds']['p99'] * 1e3:.0f} ms"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {
            "devices": self.devices,
            "period": self.period,
            "mode": self.mode,
            "load_before": self.load,
            "server_seconds_to_start": self.started,
            "server_seconds_a_visit": self.per_visit,
            **self.result,
        }


async def measure(folder: Path) -> Sequence[Served]:
    """Plants a fleet unless it is there, and lets it report for the time that was asked for."""
    asked = {name: os.environ.get(name) or value for name, value in DEFAULTS.items()}
    folder = ROOT / (os.environ.get("FOLDER") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    fleet, result = folder / "fleet.db", folder / "result.json"
    if not fleet.exists():
        prepare(folder)
        planting = folder / "planting.db"  # one that was cut short is refused, and not run
        await simulate("plant", "--devices", asked["DEVICES"], fleet=planting, server=folder)
        planting.rename(fleet)
    result.unlink(missing_ok=True)
    load = os.getloadavg()[0]
    kind = "visited" if asked["MODE"] == "visit" else "real"
    async with served(kind, folder) as server:
        started = await at_rest(server)
        await simulate(
            "run",
            *("--server", f"127.0.0.1:{server.telemetry}"),
            *("--server-pid", str(server.process.pid)),
            *("--minutes", asked["MINUTES"], "--period", asked["PERIOD"]),
            *("--mode", asked["MODE"], "--changes", asked["CHANGES"]),
            *("--processes", asked["PROCESSES"], "--json", str(result)),
            *(("--wave", asked["WAVE"]) if asked["WAVE"] else ()),
            fleet=fleet,
            server=folder,
            ends=(0, WITH_ERRORS),
        )
    told = json.loads(result.read_text("utf-8"))
    devices, period = int(asked["DEVICES"]), float(asked["PERIOD"])
    return [Served(devices, period, asked["MODE"], load, started, told)]


async def at_rest(server: ServedProcess) -> float:
    """Returns once the server does nothing by itself, with the seconds of CPU that took it."""
    until, before = time.monotonic() + RESTS_WITHIN, server.cpu()
    while time.monotonic() < until:
        await asyncio.sleep(LOOK)
        used, before = server.cpu() - before, server.cpu()
        if used < AT_REST * LOOK:
            return before
    raise SystemExit(f"the server was not at rest within {RESTS_WITHIN:.0f} s of its start")


async def simulate(
    command: str, *arguments: str, fleet: Path, server: Path, ends: Container[int] = (0,)
) -> None:
    """Runs `vigie-sim` on a fleet's file, and where it plants, on the store of this server.

    `ends`: exit codes that are a result.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "vigie_server.simulator", command, "--fleet", str(fleet), *arguments),
        cwd=ROOT,
        env=os.environ | {"VIGIE_SERVER_DATA": str(server), "VIGIE_SERVER_NAMES": "127.0.0.1"},
    )
    if await process.wait() not in ends:
        raise SystemExit(f"vigie-sim {command} failed")
