"""`vigie-server rules rejudge`: everything judged again, and before that, what it would change."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import click

from vigie_server.bootstrap.store import catalogue_in_force
from vigie_server.bundled import catalogue_with
from vigie_server.cli.output import act, opened, printable, progress, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.plurals import counted
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.services.rehearse import Rehearsal, Rehearse
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.records import Records

LOOK_EVERY: Final = 0.5
BEYOND_A_SWEEP: Final = 15.0
"""Seconds beyond the time between two sweeps in which a server that runs has begun."""


@click.command("rejudge")
@click.option("--dry-run", is_flag=True, help="Say which verdicts would change, and write nothing.")
@click.option(
    "--rules",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --dry-run: as if this were the site's own folder of rules.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the server has done it.")
@told_errors
def rejudge(*, dry_run: bool, folder: Path | None, no_wait: bool) -> None:
    """Have every device judged again from its stored evidence.

    A change of rules does so by itself. The server that runs does the work.
    """
    if folder is not None and not dry_run:
        raise click.UsageError("--rules is for --dry-run: rules in force are those of the settings")
    with opened() as (settings, database):
        if dry_run:
            own = settings.own_references
            catalogue = (
                catalogue_in_force(settings) if folder is None else catalogue_with(folder, own)
            )
            _rehearse(database, catalogue)
            return
        administration = Administration(database)
        administration.judge_all_again(act())
        click.echo("Every device will be judged again.")
        if not no_wait:
            patience = settings.sweep.every.total_seconds() + BEYOND_A_SWEEP
            _follow(administration.waiting, patience)


def _rehearse(database: Database, catalogue: Catalogue) -> None:
    administration = Administration(database)
    rehearse = Rehearse(Records(database), administration, catalogue, utc_now)
    with progress(administration.judged_devices(), "Judging") as looked_at:
        found = rehearse(looked_at=looked_at)
    click.echo(
        f"{counted(found.devices, 'device|devices')}, "
        f"{counted(found.verdicts, 'verdict|verdicts')}: "
        f"{found.moves.total()} would be another."
    )
    if found.moves:
        click.echo("")
        show_table(("RULE", "NOW", "WOULD BE", "DEVICES", "SUCH AS"), _moves(found))
    if found.left_out:
        click.echo("")
        click.echo(
            "Left out, as the server does not store what they read: " + ", ".join(found.left_out)
        )
    click.echo("Nothing was written.")


def _moves(found: Rehearsal) -> list[tuple[str, str, str, str, str]]:
    moves = sorted(found.moves.items(), key=lambda item: (item[0][0], -item[1], str(item[0])))
    return [
        (
            move[0],
            _standing(move[1], "never judged"),
            _standing(move[2], "no such rule"),
            str(count),
            printable(", ".join(found.named[move]))
            + (", ..." if count > len(found.named[move]) else ""),
        )
        for move, count in moves
    ]


def _standing(status: Status | None, none: str) -> str:
    return none if status is None else status.value


def _follow(waiting: Callable[[], int], patience: float) -> None:
    """Waits while a server works; where nothing moves for a while, none does."""
    total = left = waiting()
    moved_at = monotonic()
    with progress(total, "Judging") as looked_at:
        while left and monotonic() - moved_at < patience:
            Event().wait(LOOK_EVERY)
            now = waiting()
            if now != left:
                looked_at(left - now)
                left, moved_at = now, monotonic()
    if not left:
        click.echo(f"{counted(total, 'device was|devices were')} judged again.")
    elif left == total:
        click.echo("No server seems to be running: they will be judged when one is.")
    else:
        waiting_still = counted(left, "device is|devices are")
        click.echo(f"{waiting_still} not judged yet, and the server makes no progress.")
