"""`vigie-server token ...`: what lets devices enrol, and readers read."""

import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import click

from vigie_server.bootstrap.store import tokens_of
from vigie_server.cli.output import actor, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.parameters import PROFILES
from vigie_server.domain.plurals import counted
from vigie_server.domain.suggesting import meant, nearest
from vigie_server.ports.tokens import Role
from vigie_server.store.organisation import Organisation
from vigie_server.store.tokens import Tokens

_SITES_LOOKED_AT: Final = 50_000
"""With more sites than these it is not said whether one is new."""


@click.group()
def token() -> None:
    """Make, list and revoke tokens. A token is shown once, when it is made."""


@token.command("create")
@click.option("--site", required=True, help="The facility that devices enrol into.")
@click.option(
    "--profile",
    type=click.Choice(sorted(PROFILES)),
    default="standard",
    show_default=True,
    help="How strictly its devices are judged.",
)
@click.option(
    "--uses", type=click.IntRange(1), default=1, show_default=True, help="Devices it lets in."
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="Days it is valid."
)
@click.option("--serial", "serials", multiple=True, help="Only these serial numbers; repeatable.")
@told_errors
def create(*, site: str, profile: str, uses: int, days: int, serials: tuple[str, ...]) -> None:
    """Make an enrolment token and print it.

    Devices of a token with many uses and no list of serial numbers stay pending until they are
    approved (`vigie-server devices approve`).
    """
    with opened() as (settings, database):
        sites = Organisation(database).names(None, most=_SITES_LOOKED_AT)
        desk = tokens_of(settings, database, actor=actor())
        token_id, text = desk.make.enrolment(
            endpoints=desk.enrolment_endpoints,
            ca_sha256=desk.ca_sha256,
            site=site,
            profile=profile,
            max_uses=uses,
            lifetime=timedelta(days=days),
            serials=serials or None,
        )
    click.echo(
        f"Token {token_id}: {counted(uses, 'use|uses')}, {counted(days, 'day|days')}, site {site}.",
        err=True,
    )
    _tell_new(" ".join(site.split()), sites, token_id)
    click.echo(text)


def _tell_new(site: str, before: Sequence[str], token_id: str) -> None:
    """Says that the token made a site, which a name that was mistyped does too."""
    if site in before or len(before) == _SITES_LOOKED_AT:
        return
    click.echo(f"{site} is a new site{meant(site, before)}", err=True)
    if nearest(site, before) is not None:
        click.echo(
            f"If so: vigie-server token revoke {token_id}; "
            f"vigie-server site remove {shlex.quote(site)}",
            err=True,
        )


@token.command("list")
@told_errors
def list_tokens() -> None:
    """List tokens of both kinds, without their secrets."""
    with opened() as (_, database):
        store = Tokens(database)
        enrolment, api = store.enrolment_tokens(), store.api_tokens()
    now = utc_now()
    rows = [
        (
            terms.id,
            "enrolment",
            printable(terms.site),
            f"{terms.uses}/{terms.max_uses} uses",
            _standing(
                revoked=terms.revoked,
                expired=now >= terms.expires_at,
                used_up=terms.uses >= terms.max_uses,
            ),
            f"{terms.expires_at:%Y-%m-%d}",
        )
        for terms in enrolment
    ]
    rows += [
        (
            held.id,
            f"api {held.role}",
            "every site" if held.sites is None else ", ".join(sorted(held.sites)),
            f"used {held.last_used_at:%Y-%m-%d}" if held.last_used_at else "never used",
            _standing(revoked=held.revoked, expired=now >= held.expires_at),
            f"{held.expires_at:%Y-%m-%d}",
        )
        for held in api
    ]
    show_table(("ID", "KIND", "SITES", "USE", "STATE", "EXPIRES"), rows)


@token.command("revoke")
@click.argument("token_id")
@told_errors
def revoke(token_id: str) -> None:
    """Revoke a token of either kind, by its id."""
    with opened() as (_, database):
        Tokens(database).revoke(token_id, now=utc_now(), actor=actor())
    click.echo(f"Token {token_id} is revoked.")


@token.group("api")
def api() -> None:
    """Tokens of the API and of `/metrics`."""


@api.command("create")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="What its holder may do.",
)
@click.option("--site", "sites", multiple=True, help="Only these sites; repeatable.")
@click.option("--name", default="", help="Whose it is.")
@click.option(
    "--expires",
    "days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="Days it is valid.",
)
@click.option(
    "--personal-data",
    is_flag=True,
    help="A contractor sees names of people in evidence too; other roles always do.",
)
@told_errors
def create_api(
    *, role: str, sites: tuple[str, ...], name: str, days: int, personal_data: bool
) -> None:
    """Make an API token and print it."""
    with opened() as (settings, database):
        known = Organisation(database).names(None, most=_SITES_LOOKED_AT) if sites else ()
        desk = tokens_of(settings, database, actor=actor())
        token_id, text = desk.make.api(
            name=name or role,
            role=Role(role),
            sites=sites or None,
            lifetime=timedelta(days=days),
            personal_data=personal_data,
        )
    click.echo(f"Token {token_id}: role {role}, {counted(days, 'day|days')}.", err=True)
    for site in () if len(known) == _SITES_LOOKED_AT else sites:
        if site not in known:
            click.echo(f"There is no site {site} yet{meant(site, known)}", err=True)
    click.echo(text)


@api.command("rotate")
@click.argument("token_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 30),
    default=24,
    show_default=True,
    help="Hours that the secret before is good for.",
)
@told_errors
def rotate(token_id: str, *, overlap_hours: int) -> None:
    """Give a valid API token a new secret and print it; its end stays."""
    with opened() as (settings, database):
        desk = tokens_of(settings, database, actor=actor())
        text = desk.make.rotate(token_id, overlap=timedelta(hours=overlap_hours))
    hours = counted(overlap_hours, "hour|hours")
    click.echo(f"Token {token_id}: the secret before is good for {hours}.", err=True)
    click.echo(text)


def _standing(*, revoked: bool, expired: bool, used_up: bool = False) -> str:
    if revoked:
        return "revoked"
    if expired:
        return "expired"
    return "used up" if used_up else "valid"
