"""`vigie-server param ... --dry-run`: whose verdict a change of a parameter would move."""

from typing import Final

import click

from vigie_server.cli.output import printable, progress, show_table
from vigie_server.clock import utc_now
from vigie_server.domain.plurals import counted
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.settable import Settable
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.ports.foreseeing import Ahead, Change
from vigie_server.services.foresee import Foresee
from vigie_server.services.look_ahead import LookAhead
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records

BAR_FROM: Final = 200
"""Devices from which a terminal shows how far a look ahead has come."""
SHOWN_DEVICES: Final = 50


def look_ahead(
    database: Database, catalogue: Catalogue, settable: Settable, change: Change
) -> None:
    """Tells what the change would come to, over every device that it concerns."""
    overrides = Overrides(database)
    look = LookAhead(
        overrides=overrides,
        groups=Groups(database),
        devices=Foresee(Records(database), catalogue, utc_now),
        sites=Assessments(database, own=settable.sites.keys(), shared={}),
        site_rules=settable.sites,
        now=utc_now,
        most_judged=None,
        most_shown=SHOWN_DEVICES,
    )
    concerned = 0 if change.rule in settable.sites else len(overrides.concerned(change.target))
    with progress(concerned, "Judging", shown_from=BAR_FROM) as looked_at:
        found = look(change, looked_at=looked_at)
    if found.site is None:
        _tell_devices(found)
    else:
        _tell_site(*found.site)


def _tell_site(before: SiteVerdict, after: SiteVerdict) -> None:
    if before.status is after.status:
        click.echo(f"The verdict on the site would stay {before.status.value}.")
    else:
        click.echo(
            f"The verdict on the site would change: {before.status.value} -> {after.status.value}."
        )
    for language, reason in after.reason.items():
        click.echo(f"  {language}: {printable(reason)}")


def _tell_devices(found: Ahead) -> None:
    total = found.moves.total()
    click.echo(
        f"{counted(found.concerned, 'device|devices')} concerned, "
        f"{counted(total, 'verdict|verdicts')} would change."
    )
    for (before, after), count in sorted(found.moves.items()):
        click.echo(f"  {before} -> {after}: {count}")
    if found.shown:
        click.echo("")
        show_table(
            ("DEVICE", "NAME", "SITE", "NOW", "WOULD BE"),
            [
                (
                    one.device.id,
                    printable(one.device.hostname),
                    printable(one.device.site),
                    one.before.value,
                    one.after.value,
                )
                for one in found.shown
            ],
        )
    if total > len(found.shown):
        click.echo(f"... and {total - len(found.shown)} more")
