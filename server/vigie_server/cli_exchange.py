"""`vigie-server exchange ...`: files for other programs that keep a facility's devices."""

import json
from importlib.metadata import version
from pathlib import Path

import click

from vigie_server.cli_output import opened, told_errors
from vigie_server.domain.ciso_assets import assets_written
from vigie_server.domain.errors import DeclarationRefused, InUse
from vigie_server.domain.glpi_inventory import glpi_inventory
from vigie_server.domain.plurals import counted
from vigie_server.store.machines import machines


@click.group()
def exchange() -> None:
    """Write files that other programs take."""


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


@exchange.command("ciso-assets")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--site", help="Only this site.")
@told_errors
def ciso_assets(*, file: Path, site: str | None) -> None:
    """Write every device as an asset of CISO Assistant, to a new CSV file."""
    try:
        with opened() as (_, database), file.open("x", encoding="utf-8", newline="") as written:
            count = assets_written(machines(database, site), written)
    except FileExistsError:
        raise InUse(f"{file} is there already: give a new file") from None
    except OSError as error:
        raise DeclarationRefused(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{counted(count, 'device|devices')} in {file}.")
