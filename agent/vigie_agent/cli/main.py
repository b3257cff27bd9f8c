"""The command line: parses, builds, runs, and turns the outcome into an exit code.

Exit codes: 0 done; 1 failed, the reason is on standard error; 2 wrong usage or settings; 3 not
enrolled; 4 something could not be collected, or `doctor` found a problem; 5 the allow-list refused
the query.

Each command lives in a module that loads when it is called: `version` answers at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from vigie_agent.cli.outcome import CommandLine
from vigie_agent.memory import modules_load


def _enroll() -> click.Command:
    from vigie_agent.cli.enroll import enroll

    return enroll


def _run() -> click.Command:
    from vigie_agent.cli.run import run

    return run


def _check() -> click.Command:
    from vigie_agent.cli.check import check

    return check


def _query() -> click.Command:
    from vigie_agent.cli.query import query

    return query


def _explain() -> click.Command:
    from vigie_agent.cli.explain import explain

    return explain


def _status() -> click.Command:
    from vigie_agent.cli.status import status

    return status


def _doctor() -> click.Command:
    from vigie_agent.cli.doctor import doctor

    return doctor


def _unenroll() -> click.Command:
    from vigie_agent.cli.enroll import unenroll

    return unenroll


def _update() -> click.Command:
    from vigie_agent.cli.update import update

    return update


def _version() -> click.Command:
    from vigie_agent.cli.version import version

    return version


def _service() -> click.Command:
    from vigie_agent.cli.service import service

    return service


def _selftest() -> click.Command:
    from vigie_agent.cli.selftest import selftest

    return selftest


COMMANDS: Final[dict[str, Callable[[], click.Command]]] = {
    "enroll": _enroll,
    "run": _run,
    "check": _check,
    "query": _query,
    "explain": _explain,
    "status": _status,
    "doctor": _doctor,
    "unenroll": _unenroll,
    "update": _update,
    "version": _version,
    "service": _service,
    "selftest": _selftest,
}


class _LoadedWhenCalled(click.Group):
    """A group whose commands are imported only when they are used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        load = COMMANDS.get(cmd_name)
        if load is None:
            return None
        with modules_load():
            return load()


@click.group(
    cls=_LoadedWhenCalled,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 not enrolled, 4 something "
        "could not be collected or a problem was found, 5 query refused."
    ),
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (TOML), in place of VIGIE_AGENT_CONFIG's or the system's.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Log from this level up, to standard error.",
)
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Read this device's digital hygiene, and deliver it to the facility's Vigie server.

    It only reads. `vigie-agent explain` says what, how often and why.
    """
    ctx.obj = CommandLine(**options)
