"""`vigie-server site maturity` and `inventory ...`: what sites come to, and their inventories."""

from typing import Final

import click

from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.site_figures import Inventory, complement_of
from vigie_server.ports.maturity import LevelRecord, WrittenInventory
from vigie_server.services.generated_inventory import GeneratedInventory
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.overrides import Overrides

_NOT_YET: Final = {
    "fr": "pas encore examiné : le serveur le fait pendant qu'il tourne",
    "en": "not looked at yet: the server does so while it runs",
}


@click.command("maturity")
@click.argument("name")
@LANGUAGE
@click.option("--question", type=click.IntRange(1, 13), help="All the actions of one question.")
@told_errors
def show_maturity(*, name: str, language: str, question: int | None) -> None:
    """Show a site's level in each question, and what holds it there.

    The server works levels out while it runs.
    """
    with opened() as (settings, database):
        guide = bundled_site_guide(bundled_catalogue(settings.own_references))
        records = {record.question: record for record in MaturityRecords(database).levels(name)}
    if question is not None:
        found = records.get(question)
        words = guide.words[question]
        if found is not None and found.level is not None:
            click.echo(f"N{found.level} {words[found.level][language]}")
        click.echo(_held(found, language))
        for action in [] if found is None else found.actions:
            texts = action["words"]
            if isinstance(texts, dict):
                click.echo(f"- {printable(str(texts[language]))}")
        return
    rows = []
    for number in QUESTIONS:
        found = records.get(number)
        level = None if found is None else found.level
        rows.append((str(number), "-" if level is None else f"N{level}", _held(found, language)))
    show_table(("QUESTION", "LEVEL", "WHY"), rows)


def _held(found: LevelRecord | None, language: str) -> str:
    if found is None:
        return _NOT_YET[language]
    return printable(found.reason[language])


@click.group()
def inventory() -> None:
    """List, review and export the inventories of a site."""


@inventory.command("list")
@click.argument("name")
@told_errors
def list_reviews(name: str) -> None:
    """List the five inventories: when each was reviewed, and when it is due."""
    now = utc_now()
    with opened() as (settings, database):
        guide = bundled_site_guide(bundled_catalogue(settings.own_references))
        days = guide.review_days(Overrides(database).of_site(name))
        records = SiteInventories(database).reviews(name, days=days, now=now)
    rows = []
    for record in records:
        due = (
            "now" if record.due_at is None or record.due_at <= now else f"{record.due_at:%Y-%m-%d}"
        )
        reviewed = "never" if record.reviewed_at is None else f"{record.reviewed_at:%Y-%m-%d}"
        complete = "attested" if record.attested else "not attested"
        rows.append((record.inventory.value, reviewed, due, complete, printable(record.author)))
    show_table(("INVENTORY", "REVIEWED", "DUE", "COMPLETE", "BY"), rows)


@inventory.command("review")
@click.argument("name")
@click.argument("which", type=click.Choice([one.value for one in Inventory]))
@click.option("--complement", default="", help="What was added by hand, in a few words.")
@told_errors
def review(*, name: str, which: str, complement: str) -> None:
    """Record that an inventory of a site was reviewed today."""
    kept = complement_of(complement)
    with opened() as (_, database):
        SiteInventories(database).review(name, Inventory(which), kept, act())
    click.echo(f"Reviewed: {which}.")


@inventory.command("export")
@click.argument("name")
@click.argument("which", type=click.Choice([one.value for one in WrittenInventory]))
@told_errors
def export(*, name: str, which: str) -> None:
    """Write what devices report of an inventory, as CSV."""
    with opened() as (settings, database):
        catalogue = bundled_catalogue(settings.own_references)
        files = GeneratedInventory(SiteInventories(database), catalogue.topics)
        for line in files.csv(name, WrittenInventory(which)):
            click.echo(line, nl=False)
