"""`vigie-agent run`: collects and delivers until stopped."""

import asyncio
import os

import click
import structlog

from vigie_agent.bootstrap import build_agent
from vigie_agent.cli_outcome import CommandLine, told_errors


@click.command()
@click.pass_obj
def run(line: CommandLine) -> None:
    """Collect and deliver until stopped (SIGTERM, Ctrl-C).

    Logs go to standard error: for people on a terminal, JSON elsewhere. Exits 3 on a device that is
    not enrolled.
    """
    with told_errors():
        settings = line.begin(quiet=False)
        log = structlog.get_logger()
        with build_agent(settings) as agent:
            log.info("agent_started", pid=os.getpid(), data_dir=str(settings.data_dir))
            asyncio.run(agent.run())
        log.info("agent_stopped")
