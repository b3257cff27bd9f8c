"""`vigie-agent service`: the agent as a service of Windows. Its installer calls these commands."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from vigie_agent.cli.outcome import CommandLine, Exit, fail, told_errors

P = ParamSpec("P")
R = TypeVar("R")


@click.group()
def service() -> None:
    """Be the Windows service, and prepare the device for it; for the installer and for Windows.

    `run` is what Windows starts. `harden` closes the data folder to all but administrators and has
    Windows start the service again after a failure. `leave-token` leaves an enrolment token for it
    (--token TOKEN or --from FILE, which is erased; --server HOST refuses another server's).
    `forget` erases all that the agent has on the device.
    """


@contextmanager
def _told() -> Iterator[None]:
    with told_errors():
        try:
            yield
        except OSError as error:
            fail(str(error), Exit.FAILED)


def _on_windows(command: Callable[P, R]) -> Callable[P, R]:
    @wraps(command)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if sys.platform != "win32":
            fail("only Windows has this service; here, run `vigie-agent run`", Exit.MISUSED)
        with _told():
            return command(*args, **kwargs)

    return checked


@service.command()
@click.pass_obj
@_on_windows
def run(line: CommandLine) -> None:
    """Collect and deliver until Windows asks to stop; only Windows starts this.

    A device that is not enrolled waits for a token. Logs go to `agent.log` in the data folder, and
    to the event log what an administrator should know.
    """
    from vigie_agent.bootstrap.service import failure_told, harden, host, windows_service

    with failure_told():
        harden()  # before anything is read from there
        settings = line.begin(quiet=False)
        line.log_into(settings.log_path, settings.log_max_bytes)
        host(windows_service(settings))


@service.command()
@_on_windows
def harden() -> None:
    """Close the data folder to all but administrators, and configure the service."""
    from vigie_agent.bootstrap.service import configure
    from vigie_agent.bootstrap.service import harden as close

    close()
    configure()


@service.command("leave-token")
@click.option("--token", default="", help="The token that the server printed.")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that holds the token; erased.",
)
@click.option("--server", default="", help="HOST or HOST:PORT that the token must be of.")
@click.pass_obj
@_on_windows
def leave_token(line: CommandLine, token: str, file: Path | None, server: str) -> None:
    """Leave an enrolment token for the service. An enrolled device needs none."""
    from vigie_agent.bootstrap.service import is_enrolled
    from vigie_agent.bootstrap.service import leave_token as leave
    from vigie_agent.identity.token_file import erase_token, token_in

    if is_enrolled(line.begin()):
        click.echo("This device is enrolled already: the token is not needed.")
    else:
        leave(token_in(file) if file is not None else token, server)
    if file is not None:
        erase_token(file)


@service.command()
@click.pass_obj
@_on_windows
def forget(line: CommandLine) -> None:
    """Erase identity, settings, log and what waits to be sent. The service must be stopped."""
    from vigie_agent.bootstrap.service import forget as erase
    from vigie_agent.domain.errors import SettingsMalformed
    from vigie_agent.settings import AgentSettings

    try:
        settings = line.begin()
    except SettingsMalformed:  # they go too
        settings = AgentSettings()
    erase(settings)
