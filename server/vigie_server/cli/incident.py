"""`vigie-server incident ...`: a site's incident log ("main courante")."""

import json
import sys
from datetime import datetime

import click

from vigie_server.cli.dates import hour
from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_table, told_errors
from vigie_server.domain.incident_log import NewEntry, as_csv, checked
from vigie_server.store.incidents import Incidents

SITE = click.option("--site", required=True, help="The facility.")


@click.group()
def incident() -> None:
    """Keep a site's incident log: entries are added, and never changed."""


@incident.command("add")
@click.argument("text")
@SITE
@click.option("--person", required=True, help="Who acts or informs.")
@click.option("--at", type=hour, help="When it was (now where it is not said): 2026-03-01 14:30.")
@told_errors
def add(*, text: str, site: str, person: str, at: datetime | None) -> None:
    """Add what was done or what happened to the log."""
    acting = act()
    given = checked(NewEntry(at or acting.at, person, text), now=acting.at)
    with opened() as (_, database):
        entry, new = Incidents(database).append(site, given, acting)
    said = "added" if new else "was there already"
    click.echo(f"Entry {entry.number} {said}.")


@incident.command("list")
@SITE
@told_errors
def list_entries(*, site: str) -> None:
    """List the log of a site, in order."""
    with opened() as (_, database):
        entries = Incidents(database).entries(site)
    show_table(
        ("NO.", "WHEN (UTC)", "PERSON", "ACTION OR EVENT"),
        [
            (
                str(entry.number),
                f"{entry.happened_at:%Y-%m-%d %H:%M}",
                printable(entry.person),
                printable(entry.text),
            )
            for entry in entries
        ],
    )


@incident.command("export")
@SITE
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="For a spreadsheet, or for a program.",
)
@LANGUAGE
@told_errors
def export(*, site: str, kind: str, language: str) -> None:
    """Print the log as CSV for a spreadsheet, or as JSON, with its digests."""
    with opened() as (_, database):
        entries = Incidents(database).entries(site)
    if kind == "csv":
        click.echo(as_csv(entries, language), nl=False)
        return
    told = [
        {
            "number": entry.number,
            "happened_at": entry.happened_at.isoformat(),
            "recorded_at": entry.recorded_at.isoformat(),
            "person": entry.person,
            "text": entry.text,
            "digest": entry.digest.hex(),
        }
        for entry in entries
    ]
    click.echo(json.dumps({"site": site, "entries": told}, ensure_ascii=False, indent=2))


@incident.command("check")
@SITE
@told_errors
def check(*, site: str) -> None:
    """Check that nobody changed or removed an entry; the exit code is 1 where somebody did."""
    with opened() as (_, database):
        found = Incidents(database).check(site)
    if found.intact:
        click.echo(f"{found.entries} entries, all as recorded. Last digest: {found.head or '-'}")
        return
    if found.broken_at is not None:
        click.echo(f"Entry {found.broken_at} is not as it was recorded.", err=True)
    if found.missing:
        click.echo(f"Entries missing at the end: {found.missing}.", err=True)
    sys.exit(1)
