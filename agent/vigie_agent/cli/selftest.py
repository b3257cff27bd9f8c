"""`vigie-agent selftest`: whether this copy of the agent is whole."""

import click

from vigie_agent.cli.outcome import CommandLine, Exit, told_errors


@click.command(hidden=True)
@click.pass_obj
def selftest(line: CommandLine) -> None:
    """Make each part of this copy of the agent work once, without a server.

    For who builds and installs it. The device's identity and spool are not looked at. Exits 1 when
    a part does not work.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from vigie_agent.selftest import trials

    failed = False
    with told_errors():
        line.begin()
        with TemporaryDirectory(prefix="vigie-", ignore_cleanup_errors=True) as folder:
            for trial in trials(Path(folder)):
                failed |= not trial.works
                click.echo(f"{'ok' if trial.works else '!!'}  {trial.part}: {trial.told}")
    if failed:
        raise SystemExit(int(Exit.FAILED))
