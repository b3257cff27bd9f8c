"""`vigie-agent enroll` and `vigie-agent unenroll`: this device's identity comes and goes."""

import asyncio
import sys
from pathlib import Path

import click

from vigie_agent.bootstrap.agent import build_enrol, claims, forget_everything, key_store
from vigie_agent.cli.outcome import CommandLine, Exit, fail, told_errors
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.identity.token_file import erase_token, token_in
from vigie_agent.services.enrol import Enrol, Enrolment
from vigie_agent.settings import AgentSettings
from vigie_agent.supervisor import stopped_by_signals


@click.command()
@click.argument("token", required=False)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that holds the token; erased once the token is used.",
)
@click.pass_obj
def enroll(line: CommandLine, token: str | None, token_file: Path | None) -> None:
    """Enrol this device with a TOKEN that the server printed.

    TOKEN may be `-` to read it from standard input; without one it comes from --token-file or from
    the settings. The private key is made here and never leaves. Only a server that proves itself
    by the authority that the token names is told the token's secret.
    """
    with told_errors():
        settings = line.begin()
        file = token_file or settings.enrolment_token_file
        text = _token(token, file if token_file else None, settings)
        hardware = claims(settings)
        ended = asyncio.run(_enrol(build_enrol(settings), text, hardware))
    if token is None and file is not None:
        _erase(file)
    click.echo(f"Enrolled as {ended.identity.device_id}.")
    if ended.pending:
        click.echo("A person has yet to approve this device on the server.")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def unenroll(line: CommandLine, yes: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Erase this device's identity, what waits to be sent, and the server's orders.

    The server keeps its record of the device until somebody retires it there.
    """
    with told_errors():
        settings = line.begin()
        if key_store(settings).load() is None:
            fail("this device is not enrolled", Exit.NOT_ENROLLED)
        if not yes:
            click.confirm("Erase this device's identity?", abort=True, err=True)
        forget_everything(settings)
    click.echo("This device is enrolled no more.")


def _token(token: str | None, file: Path | None, settings: AgentSettings) -> str:
    if token == "-":  # noqa: S105 (standard input, not a secret)
        return sys.stdin.read()
    if token is not None:
        return token
    named = token_in(file) if file is not None else settings.token()
    if named is None:
        fail(
            "no token: give the one that the server printed, e.g. vigie-agent enroll vigie1.AbC...",
            Exit.MISUSED,
        )
    return named


async def _enrol(enrol: Enrol, text: str, hardware: HardwareClaims) -> Enrolment:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        return await enrol(text, hardware, stop=stop)


def _erase(file: Path) -> None:
    try:
        erase_token(file)
    except OSError as error:
        click.echo(f"vigie-agent: erase {file} yourself: {error.strerror}", err=True)
