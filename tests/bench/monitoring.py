"""What the monitoring kit costs Prometheus: each rule's evaluation, each panel's query.

A real Prometheus with the rules that are shipped scrapes a fleet's page, as the server writes it.
Nothing changes between two scrapes: rules and queries are measured, not the scrape.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from statistics import median
from threading import Thread

import httpx2

from alert_files import alerts, recordings
from bench.processes import ROOT
from bench.scrape_http import cpu
from bench.scraped_fleet import ScrapedFleet
from monitoring import answers, asked, prometheus_program
from ports import free_ports
from programs import Program
from vigie_server import clock
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.metrics.guide_lines import rule_lines
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.ports.scraping import Scrape, TextFormat

DEVICES = 10_000
EVERY = 20
"""Seconds between two evaluations, instead of the minute or two that are shipped."""
ROUNDS = 4
SCRAPED_WITHIN = 180.0
WEEK = 7 * 86_400
POINTS = 1_000
"""Of a line over a week, as Grafana asks for a panel of that many pixels."""
SHOWN = 8
CHOSEN = {"site": "EHPAD Les Tilleuls 0001", "question": "9"}
"""What a reader chooses on dashboards that show one of them."""
WATCHING = """
global: {{scrape_interval: 60s, scrape_timeout: 60s, evaluation_interval: 20s}}
rule_files: ["rules/*.yml"]
scrape_configs:
  - job_name: vigie-fleet
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All rules once: the median of a few rounds, on the wall and as CPU of Prometheus."""

    devices: int
    series: int
    firing: int
    seconds: float
    cpu_seconds: float
    rules: Sequence[tuple[str, float]]

    def told(self) -> str:
        """Lines for people: the dearest rules first."""
        first = (
            f"{self.devices} devices, {self.series} series, {self.firing} alerts active: all rules "
            f"{self.seconds:.2f} s on the wall, {self.cpu_seconds:.2f} s of CPU"
        )
        lines = [first]
        lines += [f"  {seconds * 1000:>7.0f} ms  {name}" for name, seconds in self.rules[:SHOWN]]
        return "\n".join(lines)

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries once each, by the CPU of Prometheus, the dearest first."""

    what: str
    queries: Sequence[tuple[str, float]]

    def told(self) -> str:
        """Lines for people."""
        spent = sum(seconds for _, seconds in self.queries)
        lines = [f"{len(self.queries)} {self.what}: {spent:.2f} s of CPU"]
        lines += [f"  {seconds * 1000:>7.0f} ms  {name}" for name, seconds in self.queries[:SHOWN]]
        return "\n".join(lines)

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return asdict(self)


async def measure(folder: Path) -> Sequence[Evaluated | Asked]:
    """Evaluates the rules, then asks every panel."""
    page = await _page()
    with _served(page) as port:
        async with _watching(folder, WATCHING.format(port=port)) as (url, program):
            await _scraped(url)
            evaluated = await _evaluated(url, program)
    # Once more over the same series, with nothing else to do: what a query costs is then its own.
    async with _watching(folder, "") as (url, program):
        await _scraped(url)
        return [evaluated, await _alone(url, program), await _asked(url, program)]


async def _page() -> bytes:
    fleet = ScrapedFleet(DEVICES, now=clock.utc_now())
    sites, random = SiteLines(), Random(1)
    lines = DeviceLines(measures=fleet.catalogue.measures)
    pages = FleetPages(lines, (*sites.families, rule_lines(fleet.catalogue.rules.values())))
    views = [_in_groups(view) for view in fleet.views()]
    for site in {view.device.site for view in views}:
        sites.put(site, {question: random.randrange(5) for question in range(1, 14)}, {})
    await pages.show(views)
    await pages.whole(fleet.heard())
    text = b"".join([part async for part in await pages(Scrape(TextFormat.CLASSIC))])
    pages.close()
    return text


async def _scraped(url: str) -> None:
    """Returns once the page is in: a first scrape of so many series takes a while."""
    async with asyncio.timeout(SCRAPED_WITHIN):
        while True:
            try:
                if await answers(url, "count(vigie_device_info)"):
                    return
            except httpx2.HTTPError:
                pass  # still starting
            await asyncio.sleep(1)


def _in_groups(view: DeviceView) -> DeviceView:
    return replace(view, groups=(view.device.chassis,))


@contextmanager
def _served(page: bytes) -> Iterator[int]:
    """The port of a page that never changes."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@asynccontextmanager
async def _watching(folder: Path, configuration: str) -> AsyncIterator[tuple[str, Program]]:
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    for shipped in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"):
        text = re.sub(r"(?m)^    interval: \w+$", f"    interval: {EVERY}s", shipped.read_text())
        (rules / shipped.name).write_text(text)
    (folder / "prometheus.yml").write_text(configuration)
    (port,) = free_ports(1)
    program = prometheus_program(
        folder / "prometheus.yml", folder / "tsdb", port, "--query.lookback-delta=20y"
    )
    await program.start()
    try:
        yield f"http://127.0.0.1:{port}", program
    finally:
        await program.stop()


async def _evaluated(url: str, program: Program) -> Evaluated:
    await asyncio.sleep(2 * EVERY)  # the first evaluations have no state to keep
    rounds: list[dict[str, float]] = []
    spent: list[tuple[float, float, float]] = []
    scrapes: set[tuple[float, float]] = set()
    for _ in range(ROUNDS):
        before, began = cpu(program.pid), time.time()
        await asyncio.sleep(EVERY)
        spent.append((began, time.time(), cpu(program.pid) - before))
        scrapes.add(await _last_scrape(url))
        groups = (await asked(url, "rules"))["groups"]
        rounds.append(
            {
                f"{group['name']}: {rule['name']}": rule["evaluationTime"]
                for group in groups
                for rule in group["rules"]
            }
        )
    await asyncio.sleep(EVERY)
    scrapes.add(await _last_scrape(url))  # one that was under way at the end
    undisturbed = [
        used
        for began, ended, used in spent
        if all(ended < first or last < began for first, last in scrapes)
    ]
    times = {name: median(found[name] for found in rounds) for name in rounds[0]}
    (series,) = await answers(url, "sum(scrape_samples_scraped)")
    firing = await answers(url, "count(ALERTS)")
    return Evaluated(
        devices=DEVICES,
        series=int(series["value"][1]),
        firing=int(firing[0]["value"][1]) if firing else 0,
        seconds=sum(times.values()),
        cpu_seconds=median(undisturbed or [used for _, _, used in spent]),
        rules=sorted(times.items(), key=lambda item: -item[1]),
    )


async def _last_scrape(url: str) -> tuple[float, float]:
    """When the last scrape that has ended began and ended."""
    (target,) = (await asked(url, "targets"))["activeTargets"]
    began = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", target["lastScrape"]))
    return began.timestamp(), began.timestamp() + float(target["lastScrapeDuration"])


def _with(chosen: Mapping[str, str], expr: str) -> str:
    """The query with what a reader has chosen: everything, where several may be."""
    return re.sub(r"\$\{?([a-z]+)\}?", lambda found: chosen.get(found[1], ".*"), expr)


async def _alone(url: str, program: Program) -> Asked:
    """The expressions of rules by themselves: no texts of alerts are written, nothing recorded."""
    rules = {alert.name: alert.expression for alert in alerts()} | dict(recordings())
    return Asked(
        "expressions of rules by themselves",
        _dearest([(name, await _cost(url, program, expr)) for name, expr in rules.items()]),
    )


async def _asked(url: str, program: Program) -> Asked:
    """Every panel for all sites. A week to come is asked for: what is known stands for it."""
    panels = []
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards" / "fr").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        one = [choice["name"] for choice in board["templating"]["list"] if not choice.get("multi")]
        chosen = {name: CHOSEN[name] for name in one if name in CHOSEN}
        for panel in board["panels"]:
            for target in panel["targets"]:
                query = _with(chosen, target["expr"])
                week = bool(target.get("range"))
                cost = await _cost(url, program, query, week=week)
                panels.append((f"{path.stem}: {panel['title']}", cost))
    return Asked("queries of panels", _dearest(panels))


async def _cost(url: str, program: Program, query: str, *, week: bool = False) -> float:
    before, now = cpu(program.pid), time.time()
    if week:
        times = {"start": str(now), "end": str(now + WEEK), "step": str(WEEK / POINTS)}
        await asked(url, "query_range", query=query, **times)
    else:
        await asked(url, "query", query=query, time=str(now))
    return cpu(program.pid) - before


def _dearest(costs: Sequence[tuple[str, float]]) -> Sequence[tuple[str, float]]:
    return sorted(costs, key=lambda cost: -cost[1])
