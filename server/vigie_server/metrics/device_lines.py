"""The fleet's lines: written where devices have changed, joined at the scrape.

A scrape runs no query. A device that changes marks the blocks that its change concerns: its chunk's
block of each family whose lines differ. The next scrape writes these anew and joins all blocks.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from vigie_server.clock import utc_now
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.views import DeviceView
from vigie_server.metrics import families
from vigie_server.metrics.blocks import Block, Room
from vigie_server.metrics.chunks import SITE_FAMILIES, Chunk, SiteChunks
from vigie_server.metrics.columns import Column, RuleCompliant, columns
from vigie_server.metrics.device_rows import DeviceRow, RuleNames
from vigie_server.metrics.exposition import Family

DEFAULT_FAILING_RULES_ONLY_ABOVE: Final = 20_000
"""Above this many devices the per-rule family holds failing rules only (a setting)."""
DEFAULT_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Lines kept as text at most; the others are kept compressed (a setting)."""

Gathered = Sequence[tuple[Family, Sequence[Block]]]
"""Families, each with its blocks: one moment of the fleet, which later changes do not touch."""


class DeviceLines:
    """Per-device and per-site series of the whole fleet. Used by one thread at a time.

    `measures` gives the help text of every measure that rules export, by metric name; others are
    not shown. `exported` names the per-device families that are shown, None for all. For the time
    of `grace` after its enrolment a device has no failing-since lines: alerts leave it alone, and a
    scrape after that shows them, whether or not it reported. Agents' ages are reckoned from
    `server_version`.
    """

    def __init__(
        self,
        *,
        measures: Mapping[str, str],
        exported: Collection[str] | None = None,
        failing_rules_only_above: int = DEFAULT_FAILING_RULES_ONLY_ABOVE,
        text_bytes: int = DEFAULT_TEXT_BYTES,
        grace: timedelta = timedelta(0),
        server_version: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._measures: Final = sorted(measures)
        self._names: Final = RuleNames()
        shown = columns(self._names, [Family(name, measures[name]) for name in self._measures])
        self._columns: Final[Sequence[Column]] = [
            column for column in shown if exported is None or column.family.name in exported
        ]
        self._place: Final = {column.family: at for at, column in enumerate(self._columns)}
        self._failing_rules_only_above = failing_rules_only_above
        self._room = Room(text_bytes)
        self._grace = grace
        self._server_version = server_version
        self._now = now
        self._graces: list[tuple[datetime, str]] = []
        self._rows: dict[str, DeviceRow] = {}
        self._sites: dict[str, SiteChunks] = {}

    def put(self, view: DeviceView) -> None:
        """Replaces what is shown of this device; a retired one disappears."""
        device = view.device
        before = self._rows.get(device.id)
        if device.state is DeviceState.RETIRED:
            self.remove(device.id)
            return
        row = DeviceRow(view, self._names, self._measures)
        self._spare(row, device.enrolled_at)
        if before is not None:
            row.seen = max(row.seen, before.seen)
            if before.site == row.site:
                self._replace(before, row)
                return
            self.remove(device.id)
        self._rows[row.id] = row
        site = self._sites.get(row.site)
        if site is None:
            site = self._sites[row.site] = SiteChunks(row.site)
        site.count(row, 1)
        self._mark_site(site)
        self._mark(site.add(row, len(self._columns)), *self._place)

    def seen(self, device_id: str, at: datetime) -> None:
        """Moves the device's last report, and nothing else of it; never back."""
        row = self._rows.get(device_id)
        if row is None or row.chunk is None:
            return
        seconds = round(at.timestamp())
        if seconds > row.seen:
            row.seen = seconds
            self._mark(row.chunk, families.LAST_REPORT)

    def remove(self, device_id: str) -> None:
        """Takes all of the device's series away at once."""
        row = self._rows.pop(device_id, None)
        if row is None:
            return
        site = self._sites[row.site]
        site.count(row, -1)
        self._mark_site(site)
        self._mark(site.take_out(row), *self._place)
        if not site.chunks:
            del self._sites[row.site]

    def keep(self, devices: Collection[str]) -> None:
        """Takes away all devices but these."""
        for gone in self._rows.keys() - set(devices):
            self.remove(gone)

    def knows(self, site: str) -> bool:
        """Whether a device of the site is shown."""
        return site in self._sites

    @property
    def text_kept(self) -> int:
        """Bytes of lines that are kept as text."""
        return self._room.kept

    def gather(self, *, sites: Collection[str] | None = None, gzip: bool = False) -> Gathered:
        """The families as they are now, ready to be sent; `sites`: of these alone."""
        self._end_graces(self._now())
        self._settle_rule_family()
        met = (
            list(self._sites.values())
            if sites is None
            else [found for site in sites if (found := self._sites.get(site)) is not None]
        )
        gathered = [
            (column.family, self._blocks(place, column, met, gzip=gzip))
            for place, column in enumerate(self._columns)
        ]
        return [*gathered, *self._site_blocks(met, gzip=gzip)]

    def _replace(self, before: DeviceRow, row: DeviceRow) -> None:
        chunk = row.chunk = before.chunk
        assert chunk is not None  # noqa: S101 (narrows for the type checker)
        chunk.rows[chunk.rows.index(before)] = row
        self._rows[row.id] = row
        self._mark(
            chunk, *[column.family for column in self._columns if column.differs(before, row)]
        )
        if (
            before.state != row.state
            or before.revoked is not row.revoked
            or before.statuses != row.statuses
            or before.agent_version != row.agent_version
        ):
            site = chunk.site
            site.count(before, -1)
            site.count(row, 1)
            self._mark_site(site)

    def _spare(self, row: DeviceRow, enrolled_at: datetime | None) -> None:
        """Notes until when the device is new."""
        if not self._grace or enrolled_at is None:
            return
        end = enrolled_at + self._grace
        if end > self._now():
            row.spared_until = end
            before = self._rows.get(row.id)
            if before is None or before.spared_until != end:
                heappush(self._graces, (end, row.id))

    def _end_graces(self, now: datetime) -> None:
        while self._graces and self._graces[0][0] <= now:
            _, device_id = heappop(self._graces)
            row = self._rows.get(device_id)
            if row is None or row.spared_until is None or row.spared_until > now:
                continue
            row.spared_until = None
            if row.chunk is not None:
                self._mark(row.chunk, families.FAILING_SINCE)

    def _settle_rule_family(self) -> None:
        only = len(self._rows) > self._failing_rules_only_above
        for column in self._columns:
            if isinstance(column, RuleCompliant) and column.failing_only is not only:
                column.show_failing_only(only)
                for site in self._sites.values():
                    for chunk in site.chunks:
                        self._mark(chunk, column.family)

    def _blocks(
        self, place: int, column: Column, sites: Sequence[SiteChunks], *, gzip: bool
    ) -> Sequence[Block]:
        blocks = []
        for site in sites:
            for chunk in site.chunks:
                block = chunk.blocks[place]
                if block is None:
                    lines = column.lines(chunk.rows, site.name)
                    block = chunk.blocks[place] = self._room.block(lines, gzip=gzip)
                else:
                    self._room.ready(block, gzip=gzip)
                blocks.append(block)
        return blocks

    def _site_blocks(self, sites: Sequence[SiteChunks], *, gzip: bool) -> Gathered:
        for site in sites:
            if None in site.blocks:
                for place, lines in enumerate(site.lines(self._names, self._server_version)):
                    site.blocks[place] = self._room.block(lines, gzip=gzip)
        gathered = []
        for place, family in enumerate(SITE_FAMILIES):
            blocks = [block for site in sites if (block := site.blocks[place]) is not None]
            for block in blocks:
                self._room.ready(block, gzip=gzip)
            gathered.append((family, blocks))
        return gathered

    def _mark(self, chunk: Chunk, *changed: Family) -> None:
        for family in changed:
            place = self._place.get(family)
            if place is not None:
                self._room.leave(chunk.blocks[place])
                chunk.blocks[place] = None

    def _mark_site(self, site: SiteChunks) -> None:
        for place, block in enumerate(site.blocks):
            self._room.leave(block)
            site.blocks[place] = None
