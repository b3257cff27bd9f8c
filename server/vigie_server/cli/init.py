"""`vigie-server init` and `migrate`: what there has to be before a server serves."""

import click

from vigie_server import clock
from vigie_server.bootstrap.store import initialise
from vigie_server.cli.accounts import tell_code
from vigie_server.cli.output import opened, told_errors
from vigie_server.settings import PREFIX, read_settings
from vigie_server.store.accounts import Accounts
from vigie_server.store.migrating import stored_revision


@click.command()
@click.option(
    "--new-authority",
    is_flag=True,
    help="Have a store whose authority is lost for good take this folder's. Devices enrol again.",
)
@click.option(
    "--new-https",
    is_flag=True,
    help="Make the authority of console and API anew, for the names of now. Devices stay enrolled.",
)
@told_errors
def init(*, new_authority: bool, new_https: bool) -> None:
    """Make the data folder, the certificate authority and the store.

    What is there already stays as it is.
    """
    settings = read_settings()
    authority = initialise(
        settings, now=clock.utc_now(), new_authority=new_authority, new_https=new_https
    )
    click.echo(f"Data folder: {settings.data}")
    click.echo(f"Authority (SHA-256): {authority.sha256.hex()}")
    click.echo(f"Names of this server: {', '.join(settings.own_names)}")
    if not settings.names:
        click.echo(f"  set {PREFIX}NAMES to the names by which devices reach it")
    click.echo("")
    click.echo("Next:")
    click.echo("  vigie-server token api create --role admin     a token for API and /metrics")
    click.echo("  vigie-server token create --site 'My facility'  a token to enrol devices with")
    click.echo("  vigie-server serve")
    with opened() as (_, database):
        if not Accounts(database).accounts():
            click.echo("")
            tell_code(settings, database, None)


@click.command()
@told_errors
def migrate() -> None:
    """Bring the store to this version's schema.

    A SQLite store is also brought to it by `serve`; PostgreSQL only by this command.
    """
    settings = read_settings()
    initialise(settings, now=clock.utc_now())
    with opened() as (_, database):
        click.echo(f"The store is at schema {stored_revision(database)}.")
