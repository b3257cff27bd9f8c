"""`vigie-agent update`: takes a newer release from the update channel, and puts it on trial."""

from pathlib import Path

import click

from vigie_agent.cli.outcome import CommandLine, told_errors


@click.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the channel (a USB stick, a share), in place of the server.",
)
@click.option("--check", is_flag=True, help="Say what there is to take, and take nothing.")
@click.pass_obj
def update(line: CommandLine, folder: Path | None, check: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Take the release that the server, or a folder, offers to this device.

    Whatever brings it, only what the channel's publisher signed is taken. A running agent does this
    by itself where its settings say so; it starts the new version, and goes back when that does not
    work.
    """
    from vigie_agent.bootstrap.updates import build_server_update, build_update, met_its_server
    from vigie_agent.updates.folder_source import FolderSource

    with told_errors():
        settings = line.begin()
        met = met_its_server(settings)
        if folder is None:
            with build_server_update(settings) as take:
                found = take(check=check, with_server=met)
        else:
            with build_update(settings, FolderSource(folder)) as take_this:
                found = take_this.look() if check else take_this(with_server=met)
    if found is None:
        click.echo("There is nothing newer.")
    elif check:
        click.echo(f"{found.version.text} can be taken ({found.length / 1e6:.1f} MB).")
    else:
        click.echo(f"{found.version.text} is on trial from the next start of the agent on.")
