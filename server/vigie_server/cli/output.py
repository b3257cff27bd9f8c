"""What the commands share: errors as one line and an exit code, and plain aligned tables."""

import getpass
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec

import click

from vigie_server.cli.naming import by_option
from vigie_server.clock import utc_now
from vigie_server.domain.errors import DeclarationRefused, VigieError

if TYPE_CHECKING:
    from vigie_server.ports.declaring import Act
    from vigie_server.settings import ServerSettings
    from vigie_server.store.database import Database

P = ParamSpec("P")

LANGUAGE = click.option(
    "--language",
    type=click.Choice(["fr", "en"]),
    default="fr",
    show_default=True,
    help="Language of what facility staff read.",
)


COLON: Final = {"fr": " :", "en": ":"}
"""After a label: French has a space before it."""


def told_errors(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with errors of ours told on standard error and exit code 1."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except VigieError as error:
            click.echo(f"vigie-server: {_worded(error)}", err=True)
            sys.exit(1)

    return told


def _worded(error: VigieError) -> str:
    context = click.get_current_context(silent=True)
    if context is None or not isinstance(error, DeclarationRefused):
        return str(error)
    return by_option(str(error), context.command.params)


@contextmanager
def opened() -> Iterator[tuple["ServerSettings", "Database"]]:
    """The settings and the store they name."""
    # Not every command has to do with the store, which takes longest to load.
    from vigie_server.bootstrap.store import open_store
    from vigie_server.settings import read_settings

    settings = read_settings()
    database = open_store(settings)
    try:
        yield settings, database
    finally:
        database.close()


def actor() -> str:
    """Who acts, for the audit: the account that runs the command."""
    return f"cli:{getpass.getuser()}"


def act() -> "Act":
    """Who acts, now."""
    from vigie_server.ports.declaring import Act

    return Act(actor(), utc_now())


def show_fields(fields: Sequence[tuple[str, str]], language: str = "en") -> None:
    """Prints what is known of one thing, a line a field."""
    colon = COLON[language]
    width = max(len(label) for label, _ in fields) + len(colon) + 1
    for label, value in fields:
        click.echo(f"{label + colon:<{width}}{printable(value)}".rstrip())


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows in aligned columns."""
    lines = [headings, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    for line in lines:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


@contextmanager
def progress(length: int, label: str, *, shown_from: int = 0) -> Iterator[Callable[[int], None]]:
    """Tells how far a long command is, on a terminal; the block says how many more are done."""
    if length < shown_from or not sys.stderr.isatty():
        yield lambda _: None
        return
    # The bar hides the cursor: whatever ends the command has to give it back.
    with (
        terminated_as_interrupted(),
        click.progressbar(length=length, label=label, file=sys.stderr) as bar,
    ):
        yield bar.update


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Has SIGTERM raise KeyboardInterrupt, as Ctrl-C does: what is begun is undone and told."""

    def raised(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, raised)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def printable(text: str) -> str:
    """Device text without characters that could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
