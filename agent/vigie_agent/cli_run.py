"""`vigie-agent run`: collects and delivers until stopped."""

import asyncio
import os
from pathlib import Path

import click
import structlog

from vigie_agent.bootstrap import build_agent
from vigie_agent.cli_outcome import CommandLine, told_errors


@click.command()
@click.option(
    "--log-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Log into this file, bounded by `log_max_bytes`, in place of standard error.",
)
@click.pass_obj
def run(line: CommandLine, log_file: Path | None) -> None:
    """Collect and deliver until stopped (SIGTERM, Ctrl-C).

    Logs go to standard error: for people on a terminal, JSON elsewhere. Exits 3 on a device that is
    not enrolled.
    """
    from vigie_agent.launching import hand_over

    with told_errors():
        settings = line.begin(quiet=False)
        if log_file is not None:
            line.log_into(log_file, settings.log_max_bytes)
        log = structlog.get_logger()
        with build_agent(settings) as agent:
            log.info("agent_started", pid=os.getpid(), data_dir=str(settings.data_dir))
            asyncio.run(agent.run())
        log.info("agent_stopped")
    if agent.superseded():
        hand_over()
