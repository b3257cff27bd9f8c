"""What a fleet takes: cores, memory, database, series. Arithmetic on costs that were measured.

The costs are data (`capacity.toml`, by what `make bench` and `make fleet-run` told); what a
deployment is made of follows from them. Nothing here measures anything.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from math import ceil, exp
from typing import Final

from vigie_server.domain.admission import MOST_HELD

DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)

BUSY: Final = 0.6
"""Share of its one core that a process may use on average: the rest absorbs waves and sweeps."""
ONE_MACHINE: Final = 100_000
"""Devices up to which one process was measured."""
SITE_DEVICES: Final = 50
"""Devices of a site where a plan is not told how many sites there are."""
CONNECTIONS: Final = 17
"""That a process may have to PostgreSQL: `STORE__CONNECTIONS` by default, and two more."""
SERIES_A_PROMETHEUS: Final = 5_000_000
"""Active series that a plan gives to one Prometheus before it adds another."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: seconds of one core, bytes, counts."""

    visit_cpu: float
    """A device that connects anew, reports that nothing has changed, and leaves."""
    replica_visit_cpu: float
    """What a visit takes the server more where its store is PostgreSQL."""
    change_cpu: float
    """What a report with changed answers takes beyond that, verdicts included."""
    heartbeat_cpu: float
    scraped_cpu_per_megabyte: float
    scraped_page_cpu: float
    """A page, of however few devices: one of each site where several Prometheus share them."""
    process_memory: float
    device_memory: float
    """A device enrolled, whether connected or not."""
    stream_memory: float
    """A device connected."""
    device_stored: float
    """A device with its newest answers and its verdicts."""
    change_stored: float
    """A changed answer, kept until its retention ends."""
    transition_stored: float
    rules: float
    """Rules that judge devices: each has counts at every site, and over all of them."""
    rule_day_stored: float
    """What a rule came to at a site at the end of a day, where that had changed."""
    database_visit_cpu: float
    """PostgreSQL's own share of a visit; SQLite's is in the server's."""
    database_change_cpu: float
    database_stored: float
    """How many times as much room PostgreSQL takes for the same rows as SQLite."""
    series_device: float
    """Lines of a device beside those of rules and groups."""
    series_rules: float
    """Rules that pass or fail on a device: a line each, and one more while it fails."""
    series_site: float
    series_server: float
    """What each server says of itself."""
    series_common: float
    """What the fleet's page says once: a line a rule."""
    series_recorded_site: float
    """What rules of Prometheus record of a site."""
    series_recorded: float
    """What they record once."""
    series_bytes: float
    gzip_share: float
    prometheus_series_memory: float
    prometheus_sample_stored: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is to be watched, and how."""

    devices: int
    period: timedelta
    """Between two reports of a device."""
    held: int = 0
    """Devices that stay connected; the others come back each period."""
    heartbeat: timedelta = timedelta(seconds=60)
    changed: float = 0.05
    """Share of reports with changed answers."""
    transitions_a_year: float = 80
    """Verdicts of a device that change in a year."""
    evidence_kept: timedelta = timedelta(days=90)
    transitions_kept: timedelta = 3 * YEAR
    rule_days_kept: timedelta = 400 * DAY
    sites: int | None = None
    """None: one for each 50 devices."""
    groups: float = 1
    """Groups that a device is in, on average."""
    failing: float = 0.12
    """Share of the rules that pass or fail on a device that fail."""
    failing_rules_only_above: int = 20_000
    scrape_every: timedelta = timedelta(seconds=60)
    samples_kept: timedelta = timedelta(days=90)


class Deployment(Enum):
    """What to run."""

    ONE_PROCESS_SQLITE = "one process, SQLite"
    REPLICAS_POSTGRESQL = "replicas over PostgreSQL"


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes. Cores are averages; memory and sizes are bytes; rates are a second."""

    deployment: Deployment
    replicas: int
    """Processes; one more than the work takes where there are several."""
    visits: float
    changes: float
    server_cores: float
    replica_memory: float
    database_cores: float
    database_memory: float
    database_bytes: float
    database_connections: int
    """That PostgreSQL has to take, those of all processes."""
    sites: int
    series: float
    """In Prometheus: what is scraped, and what rules record."""
    scrape_bytes: float
    scrape_gzip_bytes: float
    prometheus: int
    prometheus_memory: float
    prometheus_bytes: float

    @property
    def working(self) -> int:
        """Processes that share the fleet while one of several is away."""
        return max(1, self.replicas - 1)


def planned(fleet: Fleet, costs: Costs) -> Plan:
    """The plan for this fleet by these costs.

    Raises ValueError when the fleet is none that there can be.
    """
    _check(fleet)
    held = min(fleet.held, fleet.devices)
    reports = fleet.devices / fleet.period.total_seconds()
    visits = (fleet.devices - held) / fleet.period.total_seconds()
    changes = reports * fleet.changed
    sites = ceil(fleet.devices / SITE_DEVICES) if fleet.sites is None else fleet.sites
    scraped = _scraped(fleet, sites, costs)
    scrape = scraped * costs.series_bytes
    scrapes = 1 / fleet.scrape_every.total_seconds()
    recorded = sites * costs.series_recorded_site + costs.series_recorded
    # Service discovery gives a site as a target where one Prometheus cannot hold them all.
    pages = 1 if scraped + recorded <= SERIES_A_PROMETHEUS else sites
    cores = (
        visits * costs.visit_cpu
        + changes * costs.change_cpu
        + held / fleet.heartbeat.total_seconds() * costs.heartbeat_cpu
        + scrapes * scrape / 1e6 * costs.scraped_cpu_per_megabyte
        + scrapes * pages * costs.scraped_page_cpu
    )
    alone = cores <= BUSY and fleet.devices <= ONE_MACHINE and held <= MOST_HELD
    if not alone:
        cores += visits * costs.replica_visit_cpu
    # One more than the work takes: any of them may be away.
    replicas = 1 if alone else max(ceil(cores / BUSY), ceil(held / MOST_HELD)) + 1
    series = scraped + replicas * costs.series_server + recorded
    prometheus = ceil(series / SERIES_A_PROMETHEUS)
    stored = _stored(fleet, costs, changes) + _days_of_rules(fleet, sites, costs)
    database_cores = visits * costs.database_visit_cpu + changes * costs.database_change_cpu
    plan = Plan(
        deployment=(Deployment.ONE_PROCESS_SQLITE if alone else Deployment.REPLICAS_POSTGRESQL),
        replicas=replicas,
        visits=visits,
        changes=changes,
        server_cores=cores,
        replica_memory=(
            costs.process_memory
            + fleet.devices * costs.device_memory
            + held / max(1, replicas - 1) * costs.stream_memory
        ),
        database_cores=database_cores,
        database_memory=fleet.devices * costs.device_stored * costs.database_stored,
        database_bytes=stored if alone else stored * costs.database_stored,
        database_connections=replicas * CONNECTIONS,
        sites=sites,
        series=series,
        scrape_bytes=scrape,
        scrape_gzip_bytes=scrape * costs.gzip_share,
        prometheus=prometheus,
        prometheus_memory=series * costs.prometheus_series_memory,
        prometheus_bytes=(
            series * (fleet.samples_kept / fleet.scrape_every) * costs.prometheus_sample_stored
        ),
    )
    if alone:
        return replace(plan, database_cores=0.0, database_memory=0.0, database_connections=0)
    return plan


def _check(fleet: Fleet) -> None:
    if fleet.devices < 1:
        raise ValueError("a fleet has at least one device")
    for name, what in (("changed", "changed reports"), ("failing", "failing rules")):
        if not 0 <= getattr(fleet, name) <= 1:
            raise ValueError(f"the share of {what} lies between 0 and 1")
    if fleet.sites is not None and fleet.sites < 1:
        raise ValueError("a fleet has at least one site")
    if fleet.groups < 0:
        raise ValueError("a device of the fleet is in no fewer than 0 groups")
    for name in ("period", "heartbeat", "scrape_every"):
        if getattr(fleet, name) <= timedelta(0):
            raise ValueError(f"{name.replace('_', ' ')}: a span of time longer than nothing")


def _scraped(fleet: Fleet, sites: int, costs: Costs) -> float:
    """Series of the fleet's page."""
    many = fleet.devices > fleet.failing_rules_only_above
    shown = (fleet.failing if many else 1) + fleet.failing
    device = costs.series_device + fleet.groups + costs.series_rules * shown
    return fleet.devices * device + sites * costs.series_site + costs.series_common


def _stored(fleet: Fleet, costs: Costs, changes: float) -> float:
    """Bytes once every retention has come round."""
    transitions = fleet.devices * fleet.transitions_a_year * (fleet.transitions_kept / YEAR)
    return (
        fleet.devices * costs.device_stored
        + changes * fleet.evidence_kept.total_seconds() * costs.change_stored
        + transitions * costs.transition_stored
    )


def _days_of_rules(fleet: Fleet, sites: int, costs: Costs) -> float:
    """Bytes of the rows that days of rules come to: one where a verdict had moved its count.

    Verdicts change by chance and each alone, so that of `moves` expected in a day the share of
    days with one at least is that of a Poisson process. The last row before the days that are kept
    stays, for it still holds when they begin.
    """

    def changed(devices: float) -> float:
        moves = devices * fleet.transitions_a_year * (DAY / YEAR) / max(1, costs.rules)
        return 1 - exp(-moves)

    rows_a_day = sites * changed(fleet.devices / sites) + changed(fleet.devices)
    rows = rows_a_day * (fleet.rule_days_kept / DAY) + sites + 1
    return costs.rules * rows * costs.rule_day_stored
