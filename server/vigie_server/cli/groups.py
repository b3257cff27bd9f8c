"""`vigie-server group ...`: devices that selectors pick."""

from collections.abc import Sequence

import click

from vigie_server.cli.output import act, opened, printable, show_table, told_errors
from vigie_server.domain.plurals import counted
from vigie_server.domain.selectors import selector_of
from vigie_server.domain.sites import name_of
from vigie_server.ports.declaring import PickedDevice
from vigie_server.store.groups import Groups


@click.group()
def group() -> None:
    """Declare groups of devices, by platform, chassis, profile, hostname, roles or ids.

    Without --site, a group is one of every site.
    """


@group.command("list")
@click.option("--site", help="Groups of this site, and those of every site.")
@told_errors
def list_groups(*, site: str | None) -> None:
    """List groups."""
    with opened() as (_, database):
        found = Groups(database).groups(None if site is None else frozenset({site}))
    show_table(
        ("GROUP", "SITE", "SELECTOR"),
        [
            (
                printable(one.name),
                "(every site)" if one.site is None else printable(one.site),
                printable(one.selector.as_json()),
            )
            for one in found
        ],
    )


@group.command("show")
@click.argument("name")
@click.option("--site", help="The site of the group.")
@told_errors
def show(*, name: str, site: str | None) -> None:
    """Show what a group picks by, and the devices that it picks."""
    with opened() as (_, database):
        groups = Groups(database)
        found = groups.group(site, name)
        members = groups.members(found, None)
    click.echo(found.selector.as_json())
    click.echo(counted(len(members), "device|devices"))
    for device_id in members:
        click.echo(f"  {device_id}")


@group.command("set")
@click.argument("name")
@click.argument("selector")
@click.option("--site", help="The site of the group.")
@click.option("--dry-run", is_flag=True, help="Say which devices it would pick, and set nothing.")
@told_errors
def set_group(*, name: str, selector: str, site: str | None, dry_run: bool) -> None:
    """Declare a group, or have it pick otherwise.

    SELECTOR is JSON, e.g. '{"platform": ["windows"], "hostname": ["ACC-*"]}': a device is picked
    when it meets every criterion, by any of its values.
    """
    picks, called = selector_of(selector), name_of("group", name)
    with opened() as (_, database):
        groups = Groups(database)
        if dry_run:
            _told(groups.picking(picks, site, None))
            return
        groups.put(site, called, picks.as_json(), act())
        members = groups.members(groups.group(site, called), None)
    click.echo(f"Group {name} picks {counted(len(members), 'device|devices')}.")


def _told(picked: Sequence[PickedDevice]) -> None:
    click.echo(f"{counted(len(picked), 'device|devices')} would be picked.")
    if picked:
        show_table(
            ("DEVICE", "NAME", "SITE"),
            [(one.device, printable(one.hostname), printable(one.site)) for one in picked],
        )
    click.echo("Nothing was set.")


@group.command("remove")
@click.argument("name")
@click.option("--site", help="The site of the group.")
@told_errors
def remove(*, name: str, site: str | None) -> None:
    """Remove a group and the parameters set for it."""
    with opened() as (_, database):
        Groups(database).remove(site, name, act())
    click.echo(f"Group {name} is removed.")
