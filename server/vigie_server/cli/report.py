"""`vigie-server report ...`: the report of a facility, a managing body or a region."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import ParamSpec

import click

from vigie_server.bootstrap.reports import reports_of
from vigie_server.bootstrap.store import catalogue_in_force
from vigie_server.bundled import bundled_site_guide, regions_file
from vigie_server.cli.output import LANGUAGE, opened, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.facility_report.content import Making
from vigie_server.domain.facility_report.trends import LONGEST, period_until
from vigie_server.domain.regions import load_regions, region
from vigie_server.ports.reporting import Format, Reports, Wanted

P = ParamSpec("P")

Write = Callable[[Reports, Wanted], bytes]


def _options(command: Callable[P, None]) -> Callable[P, None]:
    for option in (
        click.option(
            "--out",
            type=click.Path(dir_okay=False, path_type=Path),
            required=True,
            help="The file to write.",
        ),
        click.option("--author", default="", help="Who makes the report, for its cover."),
        click.option(
            "--months",
            type=click.IntRange(1, LONGEST),
            default=1,
            show_default=True,
            help="Months that the report covers, until now.",
        ),
        LANGUAGE,
        click.option(
            "--format",
            "form",
            type=click.Choice([one.value for one in Format]),
            default=Format.PDF.value,
            show_default=True,
            help="The form of the file.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def report() -> None:
    """Write the report of a facility, a managing body or a region."""


@report.command("site")
@click.argument("name")
@_options
@told_errors
def report_site(
    *, name: str, form: str, language: str, months: int, author: str, out: Path
) -> None:
    """Write the report of a facility: its thirteen questions, evidence, risks, action plan."""
    _write(
        lambda reports, wanted: reports.of_site(name, wanted),
        (form, language, months, author),
        out,
    )


@report.command("body")
@click.argument("name")
@_options
@told_errors
def report_body(
    *, name: str, form: str, language: str, months: int, author: str, out: Path
) -> None:
    """Write how the facilities of a managing body spread over the levels: numbers alone."""
    _write(
        lambda reports, wanted: reports.of_body(name, None, wanted),
        (form, language, months, author),
        out,
    )


@report.command("region")
@click.argument("code")
@_options
@told_errors
def report_region(
    *, code: str, form: str, language: str, months: int, author: str, out: Path
) -> None:
    """Write how the facilities of a region (its INSEE code or name) spread over the levels."""
    try:
        known = region(code, load_regions(regions_file()))
    except ValueError as error:
        raise DeclarationRefused(f"{code}: {error} (`vigie-server site regions`)") from error
    _write(
        lambda reports, wanted: reports.of_region(known, None, wanted),
        (form, language, months, author),
        out,
    )


def _write(make: Write, given: tuple[str, str, int, str], out: Path) -> None:
    if not out.parent.is_dir():
        raise DeclarationRefused(f"{out} cannot be written: there is no folder {out.parent}")
    form, language, months, author = given
    now = utc_now()
    wanted = Wanted(
        Format(form),
        language,
        period_until(now, months),
        Making(now, author.strip(), version("vigie")),
    )
    with opened() as (settings, database):
        catalogue = catalogue_in_force(settings)
        made = make(
            reports_of(settings, database, catalogue, bundled_site_guide(catalogue)), wanted
        )
    try:
        out.write_bytes(made)
    except OSError as error:
        raise DeclarationRefused(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"Written: {out} ({len(made)} bytes).")
