"""`vigie-server asset ...`: asset cards, one by one and as files for a spreadsheet."""

from pathlib import Path
from typing import Final

import click

from vigie_server.cli.faults import show_faults
from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_fields, told_errors
from vigie_server.domain.card_files import cards_read, cards_written
from vigie_server.domain.cards import FIELDS, Cell, cell_in, cells_of
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.plurals import counted
from vigie_server.store.cards import Cards

_BY: Final = {"fr": "Par {author}, le {at:%d/%m/%Y}", "en": "By {author}, {at:%Y-%m-%d}"}
FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group()
def asset() -> None:
    """Keep asset cards: what a person knows of a device and no query sees."""


@asset.command("show")
@click.argument("device_id")
@LANGUAGE
@told_errors
def show(*, device_id: str, language: str) -> None:
    """Show a device's asset card."""
    with opened() as (_, database):
        written = Cards(database).card(device_id)
    show_fields(
        [
            (
                known.fr if language == "fr" else known.en,
                cell_in(language, name, written.card.cells.get(name, "")),
            )
            for name, known in FIELDS.items()
        ],
        language,
    )
    if written.updated_at is not None:
        by = _BY[language].format(author=printable(written.author), at=written.updated_at)
        click.echo(f"\n{by}")


@asset.command("set")
@click.argument("device_id")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@told_errors
def set_card(device_id: str, fields: tuple[str, ...]) -> None:
    """Change fields of a device's asset card; an empty value takes it away.

    Fields: supplier, purchased_at, place, usage, warranty_ends_at, maintenance_contract,
    renewal_planned_at, last_maintenance_at, owner, roles.
    """
    given: dict[str, object] = {}
    for text in fields:
        name, equals, value = text.partition("=")
        if not equals:
            raise DeclarationRefused(f"{text!r}: write FIELD=VALUE, e.g. place=Accueil")
        given[name] = value
    with opened() as (_, database):
        changed = Cards(database).change({device_id: cells_of(given)}, act())
    click.echo(f"The asset card of {device_id} is {'changed' if changed else 'as it was'}.")


@asset.command("export")
@click.argument("file", type=FILE)
@click.option("--site", help="Only this site.")
@LANGUAGE
@told_errors
def export(*, file: Path, site: str | None, language: str) -> None:
    """Write every device with its asset card to a CSV file."""
    with opened() as (_, database):
        found = Cards(database).cards(None if site is None else frozenset({site}))
    try:
        file.write_bytes(cards_written(found, language=language))
    except OSError as error:
        raise DeclarationRefused(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{counted(len(found), 'device|devices')} in {file}.")


@asset.command("import")
@click.argument("file", type=FILE)
@click.option("--site", help="Devices of this site alone may be named.")
@click.option("--dry-run", is_flag=True, help="Check the file, and change nothing.")
@told_errors
def import_cards(*, file: Path, site: str | None, dry_run: bool) -> None:
    """Take asset cards from a CSV file: the whole file, or nothing and every wrong row.

    Columns have the names of an export, in French or English, in any order. A row names its device
    by id, serial number or hostname. An empty cell leaves what is known; "-" takes it away.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DeclarationRefused(f"{file} cannot be read: {error.strerror}") from error
    with opened() as (_, database):
        cards = Cards(database)
        with show_faults():
            changes = cards_read(content, cards.known(None if site is None else frozenset({site})))
        if dry_run:
            click.echo(f"{counted(len(changes), 'row|rows')} can be imported. Nothing was changed.")
            return
        changed = cards.change(changes, act())
    click.echo(
        f"{counted(len(changes), 'row|rows')} read, "
        f"{counted(changed, 'asset card|asset cards')} changed."
    )


def _shown(cell: Cell) -> str:
    return " ".join(cell) if isinstance(cell, tuple) else cell
