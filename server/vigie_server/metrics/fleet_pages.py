"""The fleet's pages: lines change and are gathered in a thread of their own, and sent in pieces.

The thread is the only one that touches the lines, in the order of what it is asked. What it writes
it compresses block by block, which frees the event loop in between; the loop joins and sends what
is ready.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from vigie_server.domain.errors import FleetNotRead
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.blocks import EMPTY, Block, Part, pieces
from vigie_server.metrics.deflated import Checksum
from vigie_server.metrics.device_lines import DeviceLines, Gathered
from vigie_server.metrics.exposition import Family
from vigie_server.metrics.site_families import SiteFamily
from vigie_server.ports.scraping import Scrape, TextFormat

T = TypeVar("T")

AT_ONCE: Final = 50
"""Devices that are changed at one go of the thread."""


class FleetPages:
    """The read model of metrics (`ports.views.ReadModel`), and its pages (`ports.scraping`)."""

    def __init__(self, lines: DeviceLines, site_families: Sequence[SiteFamily]) -> None:
        self._lines = lines
        self._site_families = site_families
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._seen: dict[str, datetime] = {}
        self._sums: dict[Family, tuple[Sequence[Block], Checksum]] = {}
        self._whole = False

    async def show(self, views: Sequence[DeviceView]) -> None:
        """Replaces what is shown of these devices; retired ones disappear."""
        for first in range(0, len(views), AT_ONCE):
            await self._in_thread(partial(self._put, views[first : first + AT_ONCE]))

    def seen(self, device_id: str, at: datetime) -> None:
        """Moves a device's last report; never back."""
        known = self._seen.get(device_id)
        if known is None or at > known:
            self._seen[device_id] = at

    async def whole(self, devices: Collection[str]) -> None:
        """These are all devices there are, each shown: from now on there are pages."""
        await self._in_thread(partial(self._settle, devices))
        self._whole = True

    def knows(self, site: str) -> bool:
        """Whether anything is shown of the site."""
        return self._lines.knows(site) or any(kept.knows(site) for kept in self._site_families)

    async def __call__(
        self, scrape: Scrape, *, before: bytes = b"", after: bytes = b""
    ) -> AsyncIterator[bytes]:
        """The page in pieces. Raises FleetNotRead."""
        if not self._whole:
            raise FleetNotRead("the server has just started and is still reading its devices")
        seen, self._seen = self._seen, {}
        of_sites = [(kept.family, kept.blocks(scrape.sites)) for kept in self._site_families]
        parts = await self._in_thread(partial(self._parts, scrape, seen, of_sites))
        return _calmly(pieces([Part(before), *parts, Part(after)], gzip=scrape.gzip))

    def close(self) -> None:
        """Waits for what was begun. Safe to call twice."""
        self._thread.shutdown(wait=True)

    def _put(self, views: Sequence[DeviceView]) -> None:
        for view in views:
            self._lines.put(view)

    def _settle(self, devices: Collection[str]) -> None:
        self._lines.keep(devices)
        self._parts(Scrape(TextFormat.CLASSIC, gzip=True), {}, ())  # the first scrape need not wait

    def _parts(
        self, scrape: Scrape, seen: Mapping[str, datetime], of_sites: Gathered
    ) -> Sequence[Part]:
        for device_id, at in seen.items():
            self._lines.seen(device_id, at)
        gathered = [*self._lines.gather(sites=scrape.sites, gzip=scrape.gzip), *of_sites]
        parts = []
        for family, blocks in gathered:
            lines = [block for block in blocks if block is not EMPTY]
            if lines:
                header = family.header(scrape.text_format).encode()
                checksum = self._sum(family, lines, scrape) if scrape.gzip else Checksum()
                parts.append(Part(header, lines, checksum))
        return parts

    def _sum(self, family: Family, blocks: Sequence[Block], scrape: Scrape) -> Checksum:
        """The checksum of the blocks together, kept while they are the same."""
        kept, checksum = self._sums.get(family, ((), Checksum()))
        if kept == blocks:
            return checksum
        for block in blocks:
            block.as_packed()
        checksum = Checksum.of_all(block.checksum for block in blocks)
        if scrape.sites is None:
            self._sums[family] = blocks, checksum
        return checksum

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


async def _calmly(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts, with room for other work of the loop between them."""
    for part in parts:
        yield part
        await asyncio.sleep(0)
