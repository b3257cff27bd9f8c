"""`vigie-server`: parses, builds, runs, and turns the outcome into an exit code."""

import asyncio
import os
import signal
import sys
from importlib.metadata import version as version_of

import click
import structlog

from vigie_server import clock
from vigie_server.bootstrap import build_server
from vigie_server.bootstrap_store import initialise
from vigie_server.cli_accounts import account, setup_code, tell_code
from vigie_server.cli_ask import ask, question
from vigie_server.cli_assets import asset
from vigie_server.cli_attest import attest
from vigie_server.cli_backup import backup, restore
from vigie_server.cli_copy import copy
from vigie_server.cli_devices import devices
from vigie_server.cli_exchange import exchange
from vigie_server.cli_groups import group
from vigie_server.cli_incident import incident
from vigie_server.cli_mail import mail
from vigie_server.cli_maturity import inventory
from vigie_server.cli_notify import notify
from vigie_server.cli_output import opened, told_errors
from vigie_server.cli_params import param
from vigie_server.cli_plan import plan
from vigie_server.cli_report import report
from vigie_server.cli_rules import rules
from vigie_server.cli_sites import site
from vigie_server.cli_tokens import token
from vigie_server.cli_waive import waive
from vigie_server.demo.command import demo
from vigie_server.domain.errors import VigieError
from vigie_server.garbage import look_seldom
from vigie_server.logs import configure_logs
from vigie_server.settings import PREFIX, ServerSettings, read_settings
from vigie_server.store.accounts import Accounts
from vigie_server.store.migrating import stored_revision

log = structlog.get_logger()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Log more.")
def main(*, debug: bool) -> None:
    """Judges the digital hygiene of a fleet. Settings are read from VIGIE_SERVER_*."""
    # gRPC's own lines name peers' addresses.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    configure_logs(debug=debug)


@main.command()
@click.option(
    "--new-authority",
    is_flag=True,
    help="Have a store whose authority is lost for good take this folder's. Devices enrol again.",
)
@told_errors
def init(*, new_authority: bool) -> None:
    """Make the data folder, the certificate authority and the store.

    What is there already stays as it is.
    """
    settings = read_settings()
    authority = initialise(settings, now=clock.utc_now(), new_authority=new_authority)
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


@main.command()
@told_errors
def serve() -> None:
    """Serve devices and readers until stopped (SIGTERM or Ctrl-C)."""
    exit_code = 0
    try:
        settings = read_settings()
        look_seldom()
        asyncio.run(_serve(settings))
    except* VigieError as group:  # a raise in here would be wrapped in another group
        for error in _leaves(group):
            log.error("server_failed", error=str(error))
        exit_code = 1
    sys.exit(exit_code)


@main.command()
@told_errors
def migrate() -> None:
    """Bring the store to this version's schema.

    A SQLite store is also brought to it by `serve`; PostgreSQL only by this command.
    """
    settings = read_settings()
    initialise(settings, now=clock.utc_now())
    with opened() as (_, database):
        click.echo(f"The store is at schema {stored_revision(database)}.")


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"vigie-server {version_of('vigie')}")


main.add_command(account)
main.add_command(setup_code)
main.add_command(token)
main.add_command(devices)
main.add_command(rules)
main.add_command(site)
main.add_command(group)
main.add_command(param)
main.add_command(asset)
main.add_command(exchange)
main.add_command(attest)
main.add_command(ask)
main.add_command(question)
main.add_command(waive)
main.add_command(incident)
main.add_command(inventory)
main.add_command(mail)
main.add_command(notify)
main.add_command(backup)
main.add_command(restore)
main.add_command(copy)
main.add_command(plan)
main.add_command(report)
main.add_command(demo)


async def _serve(settings: ServerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await build_server(settings).run(stop)


def _leaves(group: BaseExceptionGroup[VigieError]) -> list[VigieError]:
    found: list[VigieError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
