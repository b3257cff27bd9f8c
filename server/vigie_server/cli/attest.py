"""`vigie-server attest ...`: what no query sees, and a person says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import click

from vigie_server.bundled import bundled_attestations, bundled_catalogue
from vigie_server.cli.dates import day
from vigie_server.cli.output import (
    COLON,
    LANGUAGE,
    act,
    opened,
    printable,
    show_fields,
    show_table,
    told_errors,
)
from vigie_server.clock import utc_now
from vigie_server.domain.attesting import AttestedValue, NewAttestation, Outcome, ValueKind
from vigie_server.domain.documents import Texts
from vigie_server.domain.plurals import counted
from vigie_server.ports.attesting import AttestationRecord, AttestationState
from vigie_server.settings import ServerSettings
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database

_DUE = frozenset({AttestationState.DUE_SOON, AttestationState.EXPIRED})
SITE = click.option("--site", required=True, help="The facility.")
GROUP = click.option("--group", help="A group of devices that it is said of, not the whole site.")


_LABELS: Final[Mapping[str, Texts]] = {
    "item": {"fr": "Élément", "en": "Item"},
    "title": {"fr": "Intitulé", "en": "Title"},
    "to_do": {"fr": "À faire", "en": "To do"},
    "proof": {"fr": "Preuve", "en": "Proof"},
    "holds": {"fr": "Vaut", "en": "Holds"},
    "value": {"fr": "Valeur", "en": "Value"},
    "months": {"fr": "mois|mois", "en": "month|months"},
}
_VALUES: Final[Mapping[ValueKind, Texts]] = {
    ValueKind.DAYS: {"fr": "nombre de jours", "en": "days"},
    ValueKind.COUNT: {"fr": "nombre", "en": "count"},
    ValueKind.PERCENT: {"fr": "pourcentage", "en": "per cent"},
    ValueKind.YES_NO: {"fr": "oui (yes) ou non (no)", "en": "yes or no"},
}

_FRENCH: Final = {"oui": "yes", "non": "no"}


@click.group()
def attest() -> None:
    """Record what no query sees: plans, contracts, tests, decisions."""


@attest.command("items")
@click.option("--question", type=click.IntRange(1, 13), help="Only this question of the guide.")
@LANGUAGE
@told_errors
def list_items(*, question: int | None, language: str) -> None:
    """List what can be attested, with the level it is a condition of."""
    items = sorted(bundled_attestations().items.values(), key=lambda item: item.id)
    show_table(
        ("ITEM", "LEVEL", "MONTHS", "VALUE", "TITLE"),
        [
            (
                item.id,
                "-"
                if item.level is None
                else f"N{item.level}"
                if item.level_of == item.question
                else f"N{item.level} (Q{item.level_of})",
                str(item.months),
                "-" if item.value is None else item.value.value,
                item.title[language],
            )
            for item in items
            if question in {None, item.question}
        ],
    )


@attest.command("show")
@click.argument("item_id", metavar="ITEM")
@LANGUAGE
@told_errors
def show(*, item_id: str, language: str) -> None:
    """Show what to do to attest an item, and which document proves it."""
    item = bundled_attestations().item(item_id)
    label = {name: texts[language] for name, texts in _LABELS.items()}
    fields = [
        (label["item"], item.id),
        (label["title"], item.title[language]),
        (label["to_do"], item.to_do[language]),
        (label["proof"], item.proof[language]),
        (label["holds"], counted(item.months, label["months"], language)),
    ]
    if item.value_about is not None and item.value is not None:
        colon = COLON[language]
        value = f"{_VALUES[item.value][language]}{colon} {item.value_about[language]}"
        fields.append((label["value"], value))
    show_fields(fields, language)


@attest.command("record")
@click.argument("item", metavar="ITEM")
@SITE
@click.option("--author", required=True, help="Who attests.")
@click.option(
    "--outcome",
    type=click.Choice([outcome.value for outcome in Outcome]),
    default=Outcome.HELD.value,
    show_default=True,
    help="Whether it holds.",
)
@click.option("--value", help="What the item carries: days, a number, a per cent, yes or no.")
@click.option("--reason", default="", help="Why; needed for not_applicable.")
@click.option("--document", default="", help="Where the document is that proves it.")
@click.option("--expires", type=day, help="The day it stops to count, where that is earlier.")
@GROUP
@told_errors
def record(  # noqa: PLR0913 (one for each option)
    *,
    item: str,
    site: str,
    author: str,
    outcome: str,
    value: str | None,
    reason: str,
    document: str,
    expires: datetime | None,
    group: str | None,
) -> None:
    """Record an attestation of a site; it replaces what was said of the item before."""
    given = NewAttestation(
        item, Outcome(outcome), author, _value(value), reason, document, group, expires
    )
    with opened() as (settings, database):
        acting = act()
        checked = bundled_attestations().checked(given, now=acting.at)
        found, new = _store(settings, database).record(site, checked, acting)
    said = "Recorded" if new else "Already recorded"
    until = "" if found.expires_at is None else f", until {found.expires_at:%Y-%m-%d}"
    click.echo(f"{said}: {item} {outcome} at {site}{until}.")


@attest.command("withdraw")
@click.argument("item", metavar="ITEM")
@SITE
@GROUP
@told_errors
def withdraw(*, item: str, site: str, group: str | None) -> None:
    """Take back what was attested of an item; the history keeps it."""
    bundled_attestations().known(item)
    with opened() as (settings, database):
        _store(settings, database).withdraw(site, item, group, act())
    click.echo(f"Nothing is attested of {item} at {site} any more.")


@attest.command("list")
@SITE
@click.option("--due", is_flag=True, help="Only what has expired, or is to be renewed soon.")
@told_errors
def list_attestations(*, site: str, due: bool) -> None:
    """List what stands at a site, and what is to be renewed soon."""
    now = utc_now()
    with opened() as (settings, database):
        found = Attestations(database, frozenset()).standing(site)
    before = settings.declare.remind_before
    shown = [one for one in found if not due or one.state(now, remind_before=before) in _DUE]
    _show(shown, settings)


@attest.command("history")
@click.argument("item", metavar="ITEM")
@SITE
@told_errors
def history(*, item: str, site: str) -> None:
    """List all that was ever attested of an item at a site, the newest first."""
    with opened() as (settings, database):
        _show(Attestations(database, frozenset()).history(site, item), settings)


def _show(records: Sequence[AttestationRecord], settings: ServerSettings) -> None:
    now = utc_now()
    show_table(
        ("ITEM", "GROUP", "OUTCOME", "VALUE", "STATE", "RECORDED", "EXPIRES", "AUTHOR", "DOCUMENT"),
        [
            (
                found.item,
                printable(found.group or "-"),
                found.outcome.value,
                "-" if found.value is None else printable(str(found.value)),
                found.state(now, remind_before=settings.declare.remind_before).value,
                f"{found.at:%Y-%m-%d}",
                "-" if found.expires_at is None else f"{found.expires_at:%Y-%m-%d}",
                printable(found.author),
                printable(found.document or found.reason or "-"),
            )
            for found in records
        ],
    )


def _store(settings: ServerSettings, database: Database) -> Attestations:
    """The store, which knows what the rules in force read."""
    return Attestations(database, bundled_catalogue(settings.own_references).attestations)


def _value(text: str | None) -> AttestedValue:
    if text is None:
        return None
    said = text.strip().casefold()
    return int(said) if said.isascii() and said.isdigit() else _FRENCH.get(said, said)
