"""Every list and every page of the console over one kept store, by one server: within minutes.

`make lists-kept ENGINE=sqlite|postgres FOLDER=...`: 100,000 devices. Planting them takes minutes,
the first time alone; a server needs one or two until it has filled what it shows.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from bench.asked import WANTED_MS
from bench.console import Drawn, Pages
from bench.kept import asked_devices, asked_engine, asked_folder, kept_store
from bench.lists import Listed, Lists


async def measure(folder: Path) -> Sequence[Listed | Drawn]:
    """The lists, and then the console."""
    devices = asked_devices()
    found: list[Listed | Drawn] = []
    async with kept_store(asked_folder(folder), engine=asked_engine(), devices=devices) as store:
        pages, lists = Pages.of(store), Lists.of(store)
        async with store.served() as server:
            load = os.getloadavg()[0]
            found += await asyncio.to_thread(lists.read, server)
            found += await asyncio.to_thread(pages.drawn, server)
    for kind in (Listed, Drawn):
        times = [one.took.p95_ms for one in found if isinstance(one, kind)]
        within = sum(time <= WANTED_MS for time in times)
        print(
            f"{store.engine}: {within} of {len(times)} {kind.__name__.lower()} "
            f"within {WANTED_MS:.0f} ms at p95"
        )
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    return found
