"""The application of the server over a fleet that was never stored, on HTTPS, in its own process.

It does as it is told on standard input, one line each: `change 0.01` changes so much of the fleet,
`hear` moves every device's last report, `rest` does nothing. It answers each with a line of JSON:
what it cost, and how long the event loop was held at most since the line before.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry

from bench.scraped_fleet import NOW, ScrapedFleet
from bench.serve import bench_settings
from vigie_server import clock
from vigie_server.bootstrap.store import authorities
from vigie_server.ca import authority
from vigie_server.ca.files import write_private
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app
from vigie_server.web.serving import bound, serve_http

PAGE = 500
TICK = 0.001


class LoopWatch:
    """How late the event loop is at most, on the wall and by the CPU of its own thread.

    The wall's figure holds what other work of the machine takes, and waits for the interpreter.
    """

    def __init__(self) -> None:
        self._longest = self._longest_cpu = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Watches until stopped."""
        while not stop.is_set():
            before, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            self._longest = max(self._longest, time.perf_counter() - before - TICK)
            self._longest_cpu = max(self._longest_cpu, time.thread_time() - cpu)

    def longest(self) -> dict[str, float]:
        """Seconds since this was asked last."""
        told = {"held": self._longest, "held_cpu": self._longest_cpu}
        self._longest = self._longest_cpu = 0.0
        return told


async def filled(fleet: ScrapedFleet) -> tuple[FleetPages, dict[str, float]]:
    """The pages of the fleet, shown as the server does it after a start, and what that took."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    pages = FleetPages(DeviceLines(measures=fleet.catalogue.measures, now=lambda: NOW), ())
    views, spent = fleet.views(), 0.0
    while page := list(islice(views, PAGE)):
        began = time.process_time()
        await pages.show(page)
        spent += time.process_time() - began
    del page
    began = time.process_time()
    await pages.whole(fleet.heard())
    spent_whole = time.process_time() - began
    gc.collect()
    held = psutil.Process().memory_info().rss - before
    return pages, {"show_cpu": spent, "whole_cpu": spent_whole, "bytes": held}


async def follow(fleet: ScrapedFleet, pages: FleetPages, watch: LoopWatch) -> None:
    """Does what standard input says until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    heard = 0
    while line := (await reader.readline()).decode().split():
        changed: Sequence[DeviceView] = ()
        if line[0] == "change":
            changed = fleet.changed(float(line[1]))
        if line[0] == "hear":
            heard += 1
            for device_id in fleet.heard():
                pages.seen(device_id, NOW + timedelta(seconds=heard))
        held = watch.longest()
        began = time.process_time()
        await pages.show(changed)
        tell(cpu=time.process_time() - began, **held)
        watch.longest()


def tell(**figures: float) -> None:
    """One line of JSON."""
    print(json.dumps(figures), flush=True)


async def main(folder: Path, devices: int) -> None:
    """Serves until standard input ends."""
    settings: ServerSettings = bench_settings(folder)
    database = Database(sqlite_url(settings.data / "vigie.db"))
    pair = authority.load(authorities(settings), authority.HTTPS).issue_https_certificate(
        settings.own_names, now=clock.utc_now()
    )
    certificate, key = folder / "bench.crt", folder / "bench.key"
    write_private(certificate, pair.chain)
    write_private(key, pair.key)
    registry = CollectorRegistry()
    OwnFigures(registry)
    fleet = ScrapedFleet(devices)
    pages, figures = await filled(fleet)
    app = create_app(
        reader=Fleet(database, {}),
        tokens=KnowCallers(Tokens(database)),
        fleet=pages,
        own=registry,
        now=clock.utc_now,
        version="0.0.0",
    )
    listener, stop, watch = bound("127.0.0.1:0", "-"), asyncio.Event(), LoopWatch()
    tell(port=listener.getsockname()[1], **figures)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run(stop))
        tasks.create_task(
            serve_http(
                app,
                listener,
                stop,
                certificate=certificate,
                key=key,
                max_head=settings.http.max_head,
                threads=settings.http.threads,
                keep_alive=settings.http.keep_alive,
            )
        )
        await follow(fleet, pages, watch)
        stop.set()
    pages.close()
    database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
