"""`vigie-server plan`: what a fleet takes, before anything is bought."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import TypedDict, Unpack

import click

from vigie_server.cli.measures import Measure
from vigie_server.cli.output import show_fields, told_errors
from vigie_server.domain.capacity import YEAR, Deployment, Fleet, Plan, planned
from vigie_server.domain.plurals import counted
from vigie_server.measured_costs import RELEASED, measured_costs

_SPAN = Measure(min=1, max=YEAR.total_seconds())
_SHARE = Measure(min=0, max=1)
_MOST_DEVICES = 100_000_000
_LEAST_CORES = 0.01
"""Less than this is not told apart."""


class _Counts(TypedDict):
    """What a fleet is counted by, as `Fleet` names it."""

    devices: int
    held: int
    changed: float
    sites: int | None
    groups: float
    failing: float


@click.command()
@click.option(
    "--devices",
    type=click.IntRange(min=1, max=_MOST_DEVICES),
    required=True,
    help="How many devices.",
)
@click.option(
    "--period", type=_SPAN, default=900, show_default=True, help="Seconds between two reports."
)
@click.option(
    "--held",
    type=click.IntRange(min=0, max=_MOST_DEVICES),
    default=0,
    show_default=True,
    help="Devices that stay connected; the others come back each period.",
)
@click.option(
    "--heartbeat",
    type=_SPAN,
    default=60,
    show_default=True,
    help="Seconds between two signs of life of a connected device.",
)
@click.option(
    "--changed",
    type=_SHARE,
    default=0.05,
    show_default=True,
    help="Share of reports that bring something new.",
)
@click.option(
    "--scrape",
    type=_SPAN,
    default=60,
    show_default=True,
    help="Seconds between two scrapes.",
)
@click.option(
    "--sites",
    type=click.IntRange(min=1, max=_MOST_DEVICES),
    help="Sites that the devices are of.  [default: one for each 50 devices]",
)
@click.option(
    "--groups",
    type=Measure(min=0, max=1000),
    default=1,
    show_default=True,
    help="Groups that a device is in, on average.",
)
@click.option(
    "--failing",
    type=_SHARE,
    default=0.12,
    show_default=True,
    help="Share of a device's rules that fail.",
)
@click.option(
    "--costs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=RELEASED,
    help="A file of your own measurements, in the form of the release's capacity.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON: bytes, seconds, counts.")
@told_errors
def plan(
    *,
    period: float,
    heartbeat: float,
    scrape: float,
    costs: Path,
    as_json: bool,
    **counts: Unpack[_Counts],
) -> None:
    """Say what a fleet takes: cores, memory, database, series, and how to deploy it.

    By costs that were measured on the machine named in the answer. Yours may be faster or slower.
    """
    fleet = Fleet(
        period=timedelta(seconds=period),
        heartbeat=timedelta(seconds=heartbeat),
        scrape_every=timedelta(seconds=scrape),
        **counts,
    )
    measured = measured_costs(costs)
    found = planned(fleet, measured.costs)
    if as_json:
        plain = {**asdict(found), "deployment": found.deployment.value}
        click.echo(json.dumps({**plain, "measured": measured.where}))
        return
    show_fields(_told(found, fleet))
    click.echo("")
    for line in _advice(found, fleet):
        click.echo(line)
    click.echo("")
    click.echo(f"Costs measured: {measured.where}")


def _told(found: Plan, fleet: Fleet) -> Sequence[tuple[str, str]]:
    held = _size(found.prometheus_bytes)
    each = ", each" if found.replicas > 1 else ","
    lines = [
        ("Deployment", found.deployment.value),
        ("Visits", f"{_rate(found.visits)}, changed reports {_rate(found.changes)}"),
        ("Server", f"{_cores(found.server_cores)}, all processes together"),
        ("Processes", f"{found.replicas}{each} up to {_size(found.replica_memory)} of memory"),
    ]
    if found.deployment is Deployment.REPLICAS_POSTGRESQL:
        memory = _size(found.database_memory)
        lines.append(("PostgreSQL", f"{_cores(found.database_cores)}, {memory} in daily use"))
    zipped = _size(found.scrape_gzip_bytes)
    memory = _size(found.prometheus_memory)
    days = fleet.samples_kept.days
    return [
        *lines,
        ("Database", f"{_size(found.database_bytes)} once retention has come round"),
        ("Series", f"{found.series:,.0f}, of {counted(found.sites, 'site|sites')}"),
        ("Scrape", f"{_size(found.scrape_bytes)}, {zipped} with gzip"),
        ("Prometheus", f"{found.prometheus}, {memory} of memory, {held} for {days} days, in all"),
    ]


def _advice(found: Plan, fleet: Fleet) -> Sequence[str]:
    if found.deployment is Deployment.ONE_PROCESS_SQLITE:
        lines = ["One `vigie-server serve` with its SQLite store; nothing else to run."]
    else:
        lines = [
            f"{found.replicas} times `vigie-server serve` over one PostgreSQL, one to spare;",
            "VIGIE_SERVER_STORE__URL names it, docs/server.md says what replicas share.",
            f"Its max_connections: {found.database_connections} for them, and some for people.",
        ]
    each = ceil(min(fleet.held, fleet.devices) / found.working)
    visit, heartbeat = (span.total_seconds() for span in (fleet.period, fleet.heartbeat))
    lines.append(
        f"Settings: VIGIE_SERVER_SESSIONS__HELD={each}, VIGIE_SERVER_SESSIONS__VISIT={visit:g}"
    )
    if each:
        lines[-1] += f", VIGIE_SERVER_SESSIONS__HEARTBEAT={heartbeat:g}"
    if found.prometheus > 1:
        lines += [
            f"{found.prometheus} Prometheus servers that share the sites by hash",
            "(deploy/prometheus/prometheus-sharded.yml), a page for each site,",
            "or agents that share them and write on to a store made for more",
            "(remote write).",
        ]
    return lines


def _rate(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second"  # noqa: PLR2004 (digits)


def _cores(cores: float) -> str:
    told = f"{cores:.2f}" if cores >= _LEAST_CORES else f"less than {_LEAST_CORES}"
    return f"{told} cores on average"


def _size(size: float) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"
