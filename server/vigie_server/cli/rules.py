"""`vigie-server rules ...`: what devices are judged by."""

import sys
from pathlib import Path
from typing import Final

import click

from vigie_server.bootstrap.store import catalogue_in_force
from vigie_server.bundled import catalogue_with
from vigie_server.cli.explain import explain, rule_of
from vigie_server.cli.output import LANGUAGE, printable, show_table, told_errors
from vigie_server.cli.rejudge import rejudge
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.plurals import counted
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rule_references import estimated
from vigie_server.domain.trying import tried
from vigie_server.settings import read_settings

PACKS: Final = "packs"
"""The folder of a site's own packs: none of the server's business."""


@click.group()
def rules() -> None:
    """List, check, test and explain rules; judge everything again."""


@rules.command("list")
@LANGUAGE
@told_errors
def list_rules(*, language: str) -> None:
    """List the rules in force, then the reference data they use and its day."""
    catalogue = catalogue_in_force(read_settings())
    show_table(
        ("RULE", "VERSION", "SEVERITY", "PLATFORMS", "FROM", "TITLE"),
        [
            (
                rule.id,
                str(rule.version),
                rule.severity.value,
                ",".join(sorted(rule.platforms)),
                "site" if rule.own else "release",
                rule.title[language],
            )
            for rule in catalogue.rules.values()
        ],
    )
    click.echo()
    show_table(
        ("REFERENCE", "OF", "FROM"),
        [_shown(reference) for reference in catalogue.references.values()],
    )
    ends = [end for reference in catalogue.references.values() for end in estimated(reference)]
    if ends:
        click.echo()
        click.echo("Estimated ends of support, which no vendor has published:")
        show_table(
            ("SYSTEM", "ENDS", "RECKONED FROM"),
            [(end.name, end.ends.isoformat(), end.source) for end in ends],
        )


def _shown(reference: Reference) -> tuple[str, str, str]:
    origin = str(reference.path) if reference.own else "release"
    if reference.passed_over is not None:
        origin += f" (the server's own, of {reference.passed_over}, is older)"
    return reference.name, reference.recorded.isoformat(), origin


@rules.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@told_errors
def check(folder: Path) -> None:
    """Check the rules of FOLDER, as they would be loaded, and tell every mistake.

    FOLDER is a site's own folder, one like `queries` of the release, or its `queries/guide`.
    """
    try:
        catalogue = catalogue_with(folder, read_settings().own_references)
    except RulesMalformed as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        count = len(error.mistakes)
        click.echo(f"{count} mistake{'s' if count > 1 else ''}.", err=True)
        sys.exit(1)
    own = sum(rule.own for rule in catalogue.rules.values())
    beside = f", {own} of the site's own" if own else ""
    if any((folder / PACKS).glob("*")):
        click.echo(
            f"What is in `{PACKS}` is asked by agents, which check it: on a device, "
            f"VIGIE_AGENT_OWN_PACKS_DIR={folder / PACKS} vigie-agent check"
        )
    click.echo(f"{len(catalogue.rules)} rules{beside}, all well formed.")


@rules.command("test")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.argument("rule", required=False)
@told_errors
def test(folder: Path | None, rule: str | None) -> None:
    """Run the examples that rules carry: those of FOLDER, of the rules in force, or of RULE alone.

    What gets another verdict than its example wants is told, and makes the exit code 1.
    """
    if folder is not None and rule is None and not folder.is_dir():
        folder, rule = None, str(folder)
    if folder is None:
        catalogue = catalogue_in_force(read_settings())
    else:
        catalogue = catalogue_with(folder, read_settings().own_references)
    chosen = [rule_of(catalogue, rule)] if rule is not None else list(catalogue.rules.values())
    differing = list(tried(catalogue, chosen))
    for found in differing:
        click.echo(f"{found.rule.id}: {found.example.name}")
        if found.only_words:
            click.echo(f"  wanted in the reason: {found.example.says}")
        else:
            click.echo(f"  wanted: {found.example.verdict.value}")
            click.echo(f"  got:    {found.verdict.status.value}")
        click.echo(f"  reason: {printable(found.verdict.reason['fr'])}")
    count = sum(len(one.examples) for one in chosen)
    click.echo(
        f"{counted(len(chosen), 'rule|rules')}, {counted(count, 'example|examples')}, "
        f"{len(differing)} differing."
    )
    if differing:
        sys.exit(1)


rules.add_command(rejudge)
rules.add_command(explain)
