"""What a scrape costs: beside prometheus-client in one process, and over HTTPS as a fleet grows."""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from bench.scrape_http import Scraped, scrape_token, scraped_server
from bench.scrape_restart import Restarted, measure_restart
from bench.scrape_server import filled
from bench.scraped_fleet import NOW, ScrapedFleet
from bench.serve import prepare
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.ports.scraping import Scrape, TextFormat
from vigie_server.settings import ServerSettings

COMPARED = 10_000
ROUNDS = 5
WANTED_TIMES = 30
SIZES = (1_000, 10_000, 100_000)
SHARES = (0.01, 0.1)
TIMEOUT = 10.0
"""Seconds on the wall: Prometheus' own default for a scrape."""

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One page of text, as prometheus-client writes the same samples and as it is joined here."""

    what: str
    devices: int
    series: int
    client_cpu: float
    joined_cpu: float
    wanted: float | None

    @property
    def times(self) -> float:
        """How many times faster."""
        return self.client_cpu / self.joined_cpu

    def told(self) -> str:
        """One line for people."""
        wanted = f" (wanted {self.wanted:g})" if self.wanted else ""
        return (
            f"text of {self.devices} devices, {self.series} series, {self.what:<22} "
            f"{self.joined_cpu * 1000:>7.1f} ms of {self.client_cpu * 1000:.0f} ms: "
            f"{self.times:.0f} times faster{wanted}"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {**asdict(self), "times": self.times}


@dataclass(frozen=True, slots=True)
class Curve:
    """Scrapes over HTTPS of a fleet of one size; the times are the server's CPU, and the wall's."""

    devices: int
    fill: Mapping[str, float]
    gzip: Mapping[str, Scraped]
    text: Mapping[str, Scraped]
    held: float
    held_cpu: float
    peak_bytes: int = field(default=0)

    def told(self) -> str:
        """A line for people and encoding."""
        written = self.fill["show_cpu"] + self.fill["whole_cpu"]
        first = (
            f"{self.devices} devices: {self.fill['bytes'] / self.devices:.0f} bytes a device, "
            f"shown and written in {written:.2f} s of CPU; process {self.peak_bytes / MB:.0f} MB; "
            f"loop held {self.held * 1000:.0f} ms at most, {self.held_cpu * 1000:.0f} by its CPU"
        )
        lines = [first]
        for name, scrapes in (("gzip", self.gzip), ("text", self.text)):
            size = scrapes["unchanged"].body_bytes / MB
            costs = ", ".join(
                f"{what} {found.cpu_seconds:.3f} ({found.seconds:.2f})"
                for what, found in scrapes.items()
            )
            slowest = max(found.seconds for found in scrapes.values())
            verdict = "met" if slowest < TIMEOUT else "MISSED"
            lines.append(f"  {name}: slowest {slowest:.1f} s on the wall ({TIMEOUT:g}: {verdict})")
            lines.append(f"  {name} {size:.1f} MB: s of CPU (and on the wall): {costs}")
        return "\n".join(lines)

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure(folder: Path) -> Sequence[Compared | Curve | Restarted]:
    """Compares, then scrapes fleets of all sizes, then starts a server on a stored one."""
    compared = await _compared()
    settings = prepare(folder)
    token = scrape_token(settings)
    curves = [await _curve(settings, token, devices) for devices in SIZES]
    return [*compared, *curves, await measure_restart(settings, token, SIZES[-1])]


class Ready(Collector):
    """Families of prometheus-client that are ready: it has only to write them."""

    def __init__(self, page: str) -> None:
        self._families: list[GaugeMetricFamily] = []
        for parsed in text_string_to_metric_families(page):
            family = GaugeMetricFamily(parsed.name, parsed.documentation)
            family.samples = parsed.samples
            self._families.append(family)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._families


async def _compared() -> Sequence[Compared]:
    fleet = ScrapedFleet(COMPARED)
    pages, _ = await filled(fleet)
    page = (await _text(pages)).decode()
    registry = CollectorRegistry()
    registry.register(Ready(page))
    series = sum(not line.startswith("#") for line in page.splitlines())
    written = generate_latest(registry).decode()
    assert _samples(written) == _samples(page)
    del page, written
    gc.collect()
    client = median([_cpu_of(lambda: generate_latest(registry)) for _ in range(ROUNDS)])
    compared = []
    for what, share in (("nothing changed", 0.0), ("all heard", 0.0), ("1 %", 0.01), ("10 %", 0.1)):
        spent = []
        for number in range(ROUNDS):
            views = fleet.changed(share)
            if what != "nothing changed":
                for device_id in fleet.heard():
                    pages.seen(device_id, NOW + timedelta(seconds=number + 1))
            began = time.process_time()
            await pages.show(views)
            async for _ in await pages(Scrape(TextFormat.CLASSIC)):
                pass  # sent piece by piece: nothing ever joins the whole page
            spent.append(time.process_time() - began)
        wanted = None if share else WANTED_TIMES
        shown = f"{what} changed, all heard" if share else what
        compared.append(Compared(shown, COMPARED, series, client, median(spent), wanted))
    pages.close()
    return compared


async def _text(pages: FleetPages) -> bytes:
    return b"".join([part async for part in await pages(Scrape(TextFormat.CLASSIC))])


def _samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _cpu_of(call: object) -> float:
    began = time.process_time()
    assert callable(call)
    call()
    return time.process_time() - began


async def _curve(settings: ServerSettings, token: str, devices: int) -> Curve:
    async with scraped_server(settings, token, devices) as server:
        held = [{"held": 0.0, "held_cpu": 0.0}]
        scrapes: dict[bool, dict[str, Scraped]] = {True: {}, False: {}}
        for gzip, found in scrapes.items():
            found["first"] = await server.scrape(gzip=gzip)
            held.append(await server.ask("rest"))
            found["unchanged"] = await server.scrape(gzip=gzip)
            await server.ask("hear")
            found["all heard"] = await server.scrape(gzip=gzip)
            held.append(await server.ask("rest"))
            for share in SHARES:
                changing = (await server.ask(f"change {share}"))["cpu"]
                scraped = await server.scrape(gzip=gzip)
                held.append(await server.ask("rest"))
                found[f"{share:.0%} changed"] = Scraped(
                    scraped.status,
                    scraped.body_bytes,
                    scraped.seconds,
                    scraped.cpu_seconds + changing,
                )
            assert {scraped.status for scraped in found.values()} == {200}
        peak = server.scrape.process.memory_info().rss
        return Curve(
            devices,
            server.told,
            scrapes[True],
            scrapes[False],
            max(told["held"] for told in held),
            max(told["held_cpu"] for told in held),
            peak,
        )
