"""`vigie-server serve`: takes, judges and shows until it is stopped."""

import asyncio
import signal
import sys

import click
import structlog

from vigie_server.bootstrap.server import build_server
from vigie_server.cli.output import told_errors
from vigie_server.domain.errors import VigieError
from vigie_server.garbage import look_seldom
from vigie_server.open_files import open_as_many_as_allowed
from vigie_server.settings import ServerSettings, read_settings

log = structlog.get_logger()


@click.command()
@told_errors
def serve() -> None:
    """Serve devices and readers until stopped (SIGTERM or Ctrl-C)."""
    exit_code = 0
    try:
        settings = read_settings()
        look_seldom()
        open_as_many_as_allowed()
        asyncio.run(_serve(settings))
    except* VigieError as group:  # a raise in here would be wrapped in another group
        for error in _leaves(group):
            log.error("server_failed", error=str(error))
        exit_code = 1
    sys.exit(exit_code)


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
