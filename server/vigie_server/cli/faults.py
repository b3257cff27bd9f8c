"""Mistakes in a file that a person gives, on the terminal: each with its place."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from vigie_server.cli.output import printable
from vigie_server.domain.errors import DeclarationRefused


@contextmanager
def show_faults() -> Iterator[None]:
    """Tells every fault of a refused file on standard error, and exits with 1."""
    try:
        yield
    except DeclarationRefused as error:
        for fault in error.faults:
            place = f"line {fault['line']}" + (f", {fault['column']}" if fault["column"] else "")
            click.echo(printable(f"{place}: {fault['problem']}"), err=True)
        click.echo(f"vigie-server: {printable(str(error))}", err=True)
        sys.exit(1)
