"""`vigie-server exchange ...`: files for other programs and from them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final, TextIO

import click
import yaml

from vigie_server.bundled import bundled_attestations, bundled_catalogue, bundled_site_guide
from vigie_server.cli.faults import show_faults
from vigie_server.cli.output import LANGUAGE, act, opened, printable, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.ciso_assets import assets_written
from vigie_server.domain.ciso_framework import framework, requirements
from vigie_server.domain.ciso_results import attestations_read, results_written
from vigie_server.domain.errors import DeclarationRefused, InUse
from vigie_server.domain.glpi_cards import GlpiRead, glpi_read, to_fill
from vigie_server.domain.glpi_inventory import glpi_inventory
from vigie_server.domain.plurals import counted
from vigie_server.services.site_results import SiteResults
from vigie_server.store.attestations import Attestations
from vigie_server.store.cards import Cards
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.machines import machines
from vigie_server.store.maturity import MaturityRecords

NAMED: Final = 20
"""Computers that are named, of those that one side lacks."""
FILE: Final = click.Path(path_type=Path, dir_okay=False)
DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Check the file, and change nothing.")


@click.group()
def exchange() -> None:
    """Write files for other programs, and take theirs."""


@exchange.command("glpi")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--site", help="Only this site.")
@told_errors
def glpi(*, folder: Path, site: str | None) -> None:
    """Write every device as a JSON inventory of GLPI, a file a device, into an empty folder."""
    if folder.is_dir() and any(folder.iterdir()):
        raise InUse(f"{folder} is not empty: give a new folder")
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with opened() as (_, database):
            for machine in machines(database, site):
                document = glpi_inventory(machine, version=version("vigie"))
                text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
                (folder / f"{machine.id}.json").write_text(text, encoding="utf-8")
                count += 1
    except OSError as error:
        raise DeclarationRefused(f"{folder} cannot be written: {error.strerror}") from error
    click.echo(f"{counted(count, 'device|devices')} in {folder}.")


@exchange.command("from-glpi")
@click.argument("file", type=FILE)
@click.option("--site", help="Devices of this site alone are looked for.")
@click.option("--replace", is_flag=True, help="Let GLPI's word count where a card says another.")
@DRY_RUN
@told_errors
def from_glpi(*, file: Path, site: str | None, replace: bool, dry_run: bool) -> None:
    """Take place, supplier, purchase and warranty from the CSV of GLPI's list of computers.

    What asset cards say already stays. Computers that one side lacks are told.
    """
    content = _content(file)
    with opened() as (_, database):
        cards = Cards(database)
        known = cards.cards(None if site is None else frozenset({site}))
        with show_faults():
            read = glpi_read(content, [device for device, _ in known])
        held = {device.id: card for device, card in known}
        changes = {
            device: cells if replace else to_fill(held[device], cells)
            for device, cells in read.found.items()
        }
        changes = {device: cells for device, cells in changes.items() if cells}
        changed = 0 if dry_run else cards.change(changes, act())
    told = f"{counted(len(changes), 'asset card|asset cards')} to change" if dry_run else ""
    told = told or f"{counted(changed, 'asset card|asset cards')} changed"
    click.echo(f"{counted(read.rows, 'computer|computers')} of GLPI read, {told}.")
    _tell_differences(read)


def _tell_differences(read: GlpiRead) -> None:
    missing = [device.hostname or device.serial or device.id for device in read.missing]
    for names, what in (
        (read.unknown, "of GLPI that Vigie does not watch"),
        (read.unclear, "of GLPI that may be several devices here"),
        (missing, "here that GLPI's list lacks"),
    ):
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            shown = ", ".join(map(printable, names[:NAMED]))
            click.echo(f"{counted(len(names), 'computer|computers')} {what}: {shown}{more}.")


@exchange.command("ciso-framework")
@click.argument("file", type=FILE)
@told_errors
def ciso_framework(*, file: Path) -> None:
    """Write the guide as a library of CISO Assistant, to a new YAML file."""
    catalogue = bundled_catalogue()
    found = requirements(catalogue, bundled_site_guide(catalogue), bundled_attestations())
    document = framework(found, day=utc_now().date(), release=version("vigie"))
    with _new(file) as written:
        yaml.safe_dump(document, written, allow_unicode=True, sort_keys=False, width=100)
    click.echo(f"{counted(len(found), 'requirement|requirements')} in {file}.")


@exchange.command("ciso-results")
@click.argument("file", type=FILE)
@click.option("--site", required=True, help="The facility.")
@LANGUAGE
@told_errors
def ciso_results(*, file: Path, site: str, language: str) -> None:
    """Write what is found at a site as the results of an audit, to a new CSV file.

    The audit is one of the library that `ciso-framework` writes.
    """
    with opened() as (settings, database):
        catalogue = bundled_catalogue(settings.own_references)
        attestations = Attestations(database, catalogue.attestations)
        results = SiteResults(FleetLists(database), MaturityRecords(database), attestations).of(
            site, now=utc_now(), language=language
        )
    found = requirements(catalogue, bundled_site_guide(catalogue), bundled_attestations())
    with _new(file) as written:
        count = results_written(found, results, written, language=language)
    click.echo(f"{count} of {counted(len(found), 'requirement|requirements')} assessed in {file}.")


@exchange.command("from-ciso")
@click.argument("file", type=FILE)
@click.option("--site", required=True, help="The facility.")
@click.option("--author", required=True, help="Who attests.")
@DRY_RUN
@told_errors
def from_ciso(*, file: Path, site: str, author: str, dry_run: bool) -> None:
    """Attest of a site what an audit of CISO Assistant found, from the CSV that it exports.

    What Vigie measures is passed over.
    """
    content = _content(file)
    catalogue = bundled_attestations()
    with opened() as (settings, database), show_faults():
        acting = act()
        rules = bundled_catalogue(settings.own_references)
        measured = bundled_site_guide(rules).titles.keys() - catalogue.items.keys()
        audit = attestations_read(content, catalogue, measured, author=author)
        checked = [catalogue.checked(one, now=acting.at) for one in audit.given]
        store = Attestations(database, rules.attestations)
        store.standing(site)  # nothing is recorded, not even looked at, of a site that is none
        new = 0 if dry_run else sum(store.record(site, one, acting)[1] for one in checked)
    told = "Nothing was changed" if dry_run else f"{counted(new, 'attestation|attestations')} new"
    click.echo(f"{counted(len(checked), 'item|items')} of the audit can be attested. {told}.")
    for ids, what, rest in (
        (audit.lacking, "item carries|items carry", "a value, to be attested here"),
        (audit.unknown, "row is|rows are", "of nothing that is known here"),
    ):
        if ids:
            click.echo(f"{counted(len(ids), what)} {rest}: {', '.join(map(printable, ids))}.")


@exchange.command("ciso-assets")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--site", help="Only this site.")
@told_errors
def ciso_assets(*, file: Path, site: str | None) -> None:
    """Write every device as an asset of CISO Assistant, to a new CSV file."""
    with opened() as (_, database), _new(file) as written:
        count = assets_written(machines(database, site), written)
    click.echo(f"{counted(count, 'device|devices')} in {file}.")


@contextmanager
def _new(file: Path) -> Iterator[TextIO]:
    try:
        with file.open("x", encoding="utf-8", newline="") as written:
            yield written
    except FileExistsError:
        raise InUse(f"{file} is there already: give a new file") from None
    except OSError as error:
        raise DeclarationRefused(f"{file} cannot be written: {error.strerror}") from error


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DeclarationRefused(f"{file} cannot be read: {error.strerror}") from error
