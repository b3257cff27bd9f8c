"""`vigie-server updates ...`: the agents' update channel, and who may take what of it."""

from pathlib import Path

import click

from vigie_server.bootstrap.updates import channel_of
from vigie_server.cli.output import act, opened, printable, show_table, told_errors
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.rolling_out import UpdateState, checked
from vigie_server.settings import read_settings
from vigie_server.store.updates import Updates
from vigie_server.updates.verifying import take_in

SITE = click.option("--site", help="For this site alone; it wins over what is for every site.")


@click.group()
def updates() -> None:
    """Take in the agents' update channel, and roll its releases out.

    Agents verify every byte from a root of their own: a server can withhold a release, and make
    none. Nothing is offered until it is rolled out.
    """


@updates.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Verify from this root.json, in place of the channel's oldest.",
)
@told_errors
def import_channel(*, folder: Path, root: Path | None) -> None:
    """Take in the channel in FOLDER: whole, signed, and no older than what is there."""
    settings = read_settings()
    if settings.updates.folder is not None:
        raise DeclarationRefused(
            f"this server reads the channel where it lies, in {settings.updates.folder} "
            "(VIGIE_SERVER_UPDATES__FOLDER): nothing is to be imported"
        )
    found = take_in(folder, settings.data / "updates", root or settings.updates.root)
    versions = ", ".join(sorted({release.version for release in found.releases})) or "no release"
    click.echo(f"Taken in: {versions}; good until {found.expires:%Y-%m-%d}.")


@updates.command("list")
@told_errors
def list_updates() -> None:
    """List the channel's releases, and what is rolled out."""
    with opened() as (settings, database):
        rollouts, counts = Updates(database).rollouts(), Updates(database).counts()
        channel = channel_of(settings)
        releases, expiry = channel.releases(), channel.expiry()
    if expiry is None:
        click.echo("This server has no update channel (`updates import FOLDER`).")
    else:
        click.echo(f"The channel is good until {expiry:%Y-%m-%d}.")
    show_table(
        ("RELEASE", "PLATFORM", "MB"),
        [(one.version, one.platform, f"{one.length / 1e6:.1f}") for one in releases],
    )
    show_table(
        ("ROLLED OUT TO", "RELEASE", "SHARE", "BY", "ON"),
        [
            (
                printable(one.site or "every site"),
                one.version,
                f"{one.share} %",
                printable(one.author),
                f"{one.at:%Y-%m-%d}",
            )
            for one in rollouts
        ],
    )
    show_table(
        ("DEVICES", "RUN", "LAST UPDATE"),
        [
            (str(count), version or "unknown", state)
            for (version, state), count in sorted(counts.items())
        ],
    )


@updates.command("roll-out")
@click.argument("version")
@click.option("--share", type=click.IntRange(0, 100), required=True, help="Percent of the devices.")
@SITE
@told_errors
def roll_out(*, version: str, share: int, site: str | None) -> None:
    """Let devices take VERSION: a share of them, always the same; a larger one adds to it."""
    with opened() as (settings, database):
        version, share = checked(version, share, channel_of(settings).releases())
        Updates(database).roll_out(version, share, site, act())
    click.echo(f"{version} may be taken by {share} % of the devices of {site or 'every site'}.")


@updates.command("stop")
@SITE
@told_errors
def stop(*, site: str | None) -> None:
    """Offer nothing more; what runs, runs on. With --site, what is for every site holds again."""
    with opened() as (_, database):
        Updates(database).stop(site, act())
    click.echo(f"Nothing is rolled out to {site or 'every site'} any more.")


@updates.command("devices")
@click.option("--site", help="Of this site.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in UpdateState]),
    help="Whose last update went so.",
)
@told_errors
def devices(*, site: str | None, state: str | None) -> None:
    """List how devices fared with their last update, and why."""
    with opened() as (_, database):
        found = Updates(database).devices(site)
    show_table(
        ("DEVICE", "HOSTNAME", "SITE", "RUNS", "LAST UPDATE", "OF", "ON", "WHY"),
        [
            (
                one.device_id,
                printable(one.hostname),
                printable(one.site),
                one.told.version,
                one.told.state.value,
                one.told.about,
                f"{one.at:%Y-%m-%d}",
                printable(one.told.reason),
            )
            for one in found
            if state in {None, one.told.state.value}
        ],
    )
