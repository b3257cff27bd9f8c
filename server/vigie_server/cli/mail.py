"""`vigie-server mail ...`: the mail domains of sites, and their checks."""

import asyncio
from collections.abc import Mapping, Sequence

import click

from vigie_server.bootstrap.mail import mail_checks
from vigie_server.bundled import bundled_mail_rules
from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.errors import NotFound
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.mail.names import domain_of, selectors_of
from vigie_server.ports.mail import Due, MailDomain
from vigie_server.services.workers import Workers
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.mail import MailDomains

SITE = click.option("--site", required=True, help="The facility.")


@click.group()
def mail() -> None:
    """Declare the mail domains of sites, and check them (question 7)."""


@mail.command("add")
@click.argument("domain")
@SITE
@click.option("--selector", "selectors", multiple=True, help="DKIM selector; repeatable.")
@told_errors
def add(*, domain: str, site: str, selectors: tuple[str, ...]) -> None:
    """Add a mail domain to a site, or set its selectors anew.

    A running server checks it within a minute.
    """
    name, read = domain_of(domain), selectors_of(selectors)
    with opened() as (_, database):
        MailDomains(database).put(site, name, read, act())
    click.echo(f"Mail domain {name} of {site}: {', '.join(read) or 'no DKIM selector'}.")


@mail.command("list")
@click.option("--site", help="Only this facility.")
@told_errors
def list_domains(*, site: str | None) -> None:
    """List mail domains and what was found at their last check."""
    with opened() as (_, database):
        store = MailDomains(database)
        found = store.domains(None) if site is None else store.of_site(site)
    show_table(
        ("SITE", "DOMAIN", "SELECTORS", "CHECKED (UTC)", "FOUND"),
        [
            (
                printable(held.site),
                held.domain,
                " ".join(held.selectors) or "-",
                f"{held.checked_at:%Y-%m-%d %H:%M}" if held.checked_at else "not yet",
                _found(held),
            )
            for held in found
        ],
    )


@mail.command("remove")
@click.argument("domain")
@SITE
@told_errors
def remove(*, domain: str, site: str) -> None:
    """Remove a mail domain of a site, with what was found on it."""
    name = domain_of(domain)
    with opened() as (_, database):
        MailDomains(database).remove(site, name, act())
    click.echo(f"Mail domain {name} of {site} is removed.")


@mail.command("check")
@click.argument("domain", required=False)
@SITE
@LANGUAGE
@told_errors
def check(*, domain: str | None, site: str, language: str) -> None:
    """Check a mail domain of a site now, or all of them, and keep what is found."""
    with opened() as (settings, database):
        store = MailDomains(database)
        names = (
            [held.domain for held in store.of_site(site)] if domain is None else [domain_of(domain)]
        )
        due = [store.take(site, name) for name in names]
        found = asyncio.run(_checked(settings, database, due))
    show_table(
        ("DOMAIN", "RULE", "STATUS", "WHY"),
        [
            (one.domain, rule, finding.status.value, printable(finding.reason[language]))
            for one, findings in zip(due, found, strict=True)
            for rule, finding in findings.items()
        ],
    )


@mail.command("history")
@click.argument("domain")
@SITE
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="Changes to list at most.",
)
@LANGUAGE
@told_errors
def history(*, domain: str, site: str, limit: int, language: str) -> None:
    """List how the verdicts on a mail domain changed, the newest first."""
    with opened() as (_, database):
        changes = MailDomains(database).transitions(site, domain_of(domain), limit=limit)
    show_table(
        ("AT (UTC)", "RULE", "BEFORE", "AFTER", "WHY"),
        [
            (
                f"{change.at:%Y-%m-%d %H:%M}",
                change.rule,
                "-" if change.before is None else change.before.value,
                change.after.value,
                printable(change.reason[language]),
            )
            for change in changes
        ],
    )


@mail.command("rules")
@click.argument("rule", required=False)
@LANGUAGE
@told_errors
def rules(*, rule: str | None, language: str) -> None:
    """List the rules on mail domains, or say why and how to mend one of them."""
    known = bundled_mail_rules()
    if rule is None:
        show_table(
            ("RULE", "SEVERITY", "TITLE"),
            [(held.id, held.severity.value, held.title[language]) for held in known.values()],
        )
        return
    if rule not in known:
        raise NotFound(f"no rule {rule} on mail domains: {', '.join(known)}")
    held = known[rule]
    for text in (held.title, held.why, held.remediation):
        click.echo(text[language])


async def _checked(
    settings: ServerSettings, database: Database, due: Sequence[Due]
) -> Sequence[Mapping[str, Finding]]:
    workers = Workers()
    try:
        checks = mail_checks(settings, database, workers, now=utc_now, show=lambda _: None)
        return [await checks.one(one) for one in due]
    finally:
        workers.close()


def _found(held: MailDomain) -> str:
    verdicts = sorted(held.verdicts.items())
    return ", ".join(
        f"{rule.removeprefix('Q07-')} {verdict.finding.status.value}" for rule, verdict in verdicts
    )
