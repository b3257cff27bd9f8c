"""`vigie-server copy`: a facility that has outgrown SQLite moves to PostgreSQL."""

import sys
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from vigie_server.bootstrap.store import server_store
from vigie_server.cli.output import (
    act,
    progress,
    show_table,
    terminated_as_interrupted,
    told_errors,
)
from vigie_server.settings import PREFIX, read_settings
from vigie_server.store.copying import copy_store, source_alone


@click.command("copy")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Data folder to copy the SQLite store of; without it, the one in force.",
)
@click.option(
    "--to",
    "url",
    help=f"URL of an empty PostgreSQL database; without it, {PREFIX}STORE__URL.",
)
@told_errors
def copy(*, folder: Path | None, url: str | None) -> None:
    """Copy a SQLite store to PostgreSQL, whole or not at all, and check that all is there.

    No server may run on either. A password belongs in ~/.pgpass or in the environment.
    """
    settings = read_settings()
    if url is not None:
        if _has_password(url):
            click.echo(
                "vigie-server: the password in --to can be read by other accounts while this runs; "
                f"better put it in ~/.pgpass, or the URL in {PREFIX}STORE__URL",
                err=True,
            )
        store = settings.store.model_copy(update={"url": url})
        settings = settings.model_copy(update={"store": store})
    if not settings.store.url:
        raise click.UsageError(f"name the target: --to, or {PREFIX}STORE__URL")
    file = (folder or settings.data) / "vigie.db"
    target = server_store(settings)
    try:
        with terminated_as_interrupted(), source_alone(file) as source:
            total = source.count()
            with progress(2 * total, "Copying and checking") as done:
                tables = copy_store(source, target, act(), copied=done, checked=done)
    except KeyboardInterrupt:
        click.echo("", err=True)
        click.echo(
            f"vigie-server: interrupted: nothing was copied, and {file} is as it was. "
            "Begin again: `vigie-server copy`. Or stay on SQLite: `vigie-server serve` "
            f"without {PREFIX}STORE__URL",
            err=True,
        )
        sys.exit(1)
    finally:
        target.close()
    show_table(
        ("TABLE", "ROWS", "DIGEST"),
        [(one.name, str(one.rows), one.digest) for one in tables],
    )
    click.echo("")
    click.echo(f"{total} row(s) of {len(tables)} tables are in both stores: nothing is missing.")
    click.echo("")
    click.echo("Next:")
    click.echo(f"  set {PREFIX}STORE__URL to the target, and leave {PREFIX}DATA as it is")
    click.echo("  vigie-server serve")
    click.echo(f"  when all is well, take {file} away: it does not follow any more")


def _has_password(url: str) -> bool:
    try:
        return make_url(url).password is not None
    except ArgumentError:
        return False  # it is refused for what it is
