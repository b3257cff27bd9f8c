"""Metrics as a scraper reads them, from the lines that are kept."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as classic_families

from vigie_server.domain.views import DeviceView
from vigie_server.metrics.blocks import EMPTY
from vigie_server.metrics.device_lines import DeviceLines, Gathered
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.metrics.site_families import SiteFamily
from vigie_server.ports.scraping import TextFormat

Labels = tuple[tuple[str, str], ...]


class HasFamilies(Protocol):
    """What keeps families of sites."""

    @property
    def families(self) -> Sequence[SiteFamily]: ...


def pages_of(views: Iterable[DeviceView], lines: DeviceLines | None = None) -> FleetPages:
    """The pages of a fleet that consists of these devices."""
    shown = FleetPages(lines or DeviceLines(measures={}), ())

    views = list(views)

    async def fill() -> None:
        await shown.show(views)
        await shown.whole({view.device.id for view in views})

    asyncio.run(fill())
    return shown


def text_of(gathered: Gathered, text_format: TextFormat = TextFormat.CLASSIC) -> str:
    """The families with lines, as one text."""
    return "".join(
        family.header(text_format) + "".join(block.as_text().decode() for block in lines)
        for family, blocks in gathered
        if (lines := [block for block in blocks if block is not EMPTY])
    )


def site_page(lines: HasFamilies, text_format: TextFormat = TextFormat.CLASSIC) -> str:
    """The families of sites as one text."""
    return text_of([(kept.family, kept.blocks(None)) for kept in lines.families], text_format)


def samples_of(
    text: str, text_format: TextFormat = TextFormat.CLASSIC
) -> Mapping[tuple[str, Labels], float]:
    """What prometheus-client's parser reads, by name and sorted labels; none may come twice."""
    read = classic_families if text_format is TextFormat.CLASSIC else openmetrics_families
    found = [
        ((sample.name, tuple(sorted(sample.labels.items()))), float(sample.value))
        for family in read(text)
        for sample in family.samples
    ]
    told = dict(found)
    assert len(told) == len(found)
    return told
