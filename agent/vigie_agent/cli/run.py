"""`vigie-agent run`: collects and delivers until stopped."""

import asyncio
import os
from pathlib import Path

import click
import structlog

from vigie_agent.bootstrap.agent import build_agent
from vigie_agent.cli.outcome import CommandLine, Exit, told_errors
from vigie_agent.settings import AgentSettings
from vigie_agent.supervisor import stopped_by_signals
from vigie_agent.updates.starting import ends_with_input


@click.command()
@click.option(
    "--log-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Log into this file, bounded by `log_max_bytes`, in place of standard error.",
)
@click.option(
    "--wait-for-token",
    is_flag=True,
    help="On a device that is not enrolled, wait for the token that an installer leaves.",
)
@click.pass_obj
def run(line: CommandLine, log_file: Path | None, wait_for_token: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Collect and deliver until stopped (SIGTERM, Ctrl-C).

    Logs go to standard error: for people on a terminal, JSON elsewhere. Exits 3 on a device that is
    not enrolled.
    """
    from vigie_agent.launching import hand_over

    with told_errors():
        settings = line.begin(quiet=False)
        if log_file is not None:
            line.log_into(log_file, settings.log_max_bytes)
        if wait_for_token:
            raise SystemExit(int(asyncio.run(_served(settings))))
        log = structlog.get_logger()
        with build_agent(settings) as agent:
            log.info("agent_started", pid=os.getpid(), data_dir=str(settings.data_dir))
            asyncio.run(agent.run())
        log.info("agent_stopped")
    if agent.superseded():
        hand_over()


async def _served(settings: AgentSettings) -> Exit:
    from vigie_agent.bootstrap.service import RunningAgent, build_serve
    from vigie_agent.launching import hand_over

    stop, runs = asyncio.Event(), RunningAgent(settings)
    with stopped_by_signals(stop, with_input=ends_with_input()):
        ended_well = await build_serve(settings, runs)(stop)
    if runs.superseded:
        hand_over()
    return Exit.DONE if ended_well else Exit.FAILED
