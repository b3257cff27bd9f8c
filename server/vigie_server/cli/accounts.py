"""`vigie-server account ...` and `setup-code`: who may sign in."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

import click

from vigie_server.bootstrap.app_secrets import app_secrets_of
from vigie_server.bootstrap.codes import invite, setup_address
from vigie_server.bootstrap.store import own_authority
from vigie_server.ca import authority
from vigie_server.cli.output import act, opened, printable, show_table, told_errors
from vigie_server.domain.account_terms import AccountTerms
from vigie_server.domain.errors import DeclarationRefused, SecretUnreadable, SettingsMalformed
from vigie_server.domain.granting import LONGEST
from vigie_server.domain.plurals import counted
from vigie_server.ports.people import LANGUAGES, NAME_FAULTS, ROLES, Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.services.app_secrets import reseal
from vigie_server.services.sign_in import new_account
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.app_secrets import HeldAppSecrets
from vigie_server.store.database import Database
from vigie_server.store.links import Links
from vigie_server.store.organisation import Organisation


@click.group()
def account() -> None:
    """Make, list, reset and lock the accounts of people."""


@account.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in ROLES]),
    required=True,
    help="What the person may do.",
)
@click.option("--site", "sites", multiple=True, help="Only these sites; repeatable.")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="fr",
    show_default=True,
    help="Language of the pages.",
)
@click.option(
    "--identity",
    metavar="VALUE",
    help="Whom the identity provider means; without it, a code for a password is printed.",
)
@click.option(
    "--expires",
    type=click.IntRange(1, 3650),
    metavar="DAYS",
    help="Ends after so many days; a contractor's must, within 366.",
)
@told_errors
def create(
    *,
    name: str,
    role: str,
    sites: tuple[str, ...],
    language: str,
    identity: str | None,
    expires: int | None,
) -> None:
    """Make an account, and print the code by which its person sets it up."""
    with opened() as (settings, database):
        for site in sites:
            Organisation(database).site(site)
        if identity is not None:
            _require_provider(settings)
        made = Account(
            id=secrets.token_hex(8),
            name=name.strip(),
            role=Role(role),
            sites=frozenset(sites) or None,
            language=language,
            state=AccountState.INVITED,
            created_at=act().at,
            expires_at=_end(expires),
        )
        try:
            new_account(Accounts(database), made, act())
        except DeclarationRefused as error:
            raise DeclarationRefused(NAME_FAULTS.get(str(error), str(error))) from None
        if identity is None:
            tell_code(settings, database, made.name)
        else:
            _link(settings, database, made.name, identity)


@account.command("list")
@told_errors
def list_accounts() -> None:
    """List accounts."""
    with opened() as (_, database):
        accounts = Accounts(database).accounts()
    rows = [
        (
            printable(held.name),
            held.role.value,
            "every site" if held.sites is None else printable(", ".join(sorted(held.sites))),
            held.state.value,
            f"{held.created_at:%Y-%m-%d}",
            "never" if held.expires_at is None else f"{held.expires_at:%Y-%m-%d}",
        )
        for held in accounts
    ]
    show_table(("NAME", "ROLE", "SITES", "STATE", "MADE", "ENDS"), rows)


@account.command("change")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in ROLES]), help="Another role.")
@click.option("--site", "sites", multiple=True, help="Only these sites; repeatable.")
@click.option("--every-site", is_flag=True, help="No longer only some sites.")
@click.option(
    "--expires", type=click.IntRange(1, 3650), metavar="DAYS", help="Ends so many days from now."
)
@click.option("--no-end", is_flag=True, help="Has no end any more; not for a contractor.")
@told_errors
def change(
    *,
    name: str,
    role: str | None,
    sites: tuple[str, ...],
    every_site: bool,
    expires: int | None,
    no_end: bool,
) -> None:
    """Change role, sites or end of an account; its person signs in again."""
    if (sites and every_site) or (expires is not None and no_end):
        raise DeclarationRefused("--site with --every-site, or --expires with --no-end: take one")
    with opened() as (_, database):
        for site in sites:
            Organisation(database).site(site)
        held = Accounts(database).account(name)
        terms = AccountTerms(
            role or held.role.value,
            None if every_site else frozenset(sites) or held.sites,
            None if no_end else _end(expires) or held.expires_at,
        )
        terms.require(now=act().at)
        changed = Accounts(database).change(name, terms, act())
    click.echo(f"Account {printable(changed.name)}: {printable(terms.told())}.")


def _end(days: int | None) -> datetime | None:
    return None if days is None else act().at + timedelta(days=days)


@account.command("reset")
@click.argument("name")
@told_errors
def reset(name: str) -> None:
    """Forget a password and its app, sign the person out, and print a new setup code."""
    with opened() as (settings, database):
        held = Accounts(database).reset(name, act())
        tell_code(settings, database, held.name)


@account.command("lock")
@click.argument("name")
@click.option("--unlock", is_flag=True, help="Let the person sign in again.")
@told_errors
def lock(name: str, *, unlock: bool) -> None:
    """Sign a person out at once, and let them in no more."""
    with opened() as (_, database):
        Accounts(database).lock(name, act(), locked=not unlock)
    click.echo(f"Account {printable(name)} is {'unlocked' if unlock else 'locked'}.")


@account.command("link")
@click.argument("name")
@click.argument("value")
@told_errors
def link(name: str, value: str) -> None:
    """Have whom the identity provider means by VALUE (OIDC__INVITED_BY) sign in to an account."""
    with opened() as (settings, database):
        _link(settings, database, name, value)


@account.command("unlink")
@click.argument("name")
@told_errors
def unlink(name: str) -> None:
    """Have the identity provider mean an account no more, and end its sessions."""
    with opened() as (_, database):
        gone = Links(database).unlink(name, act())
    click.echo(f"Account {printable(name)}: {counted(gone, 'link|links')} taken away.")


@account.command("rekey")
@click.option(
    "--from",
    "former",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The folder `ca` of the authority before.",
)
@told_errors
def rekey(*, former: Path) -> None:
    """Encrypt the secrets of apps for one-time codes under this server's authority anew.

    After `init --new-authority`, where the folder `ca` before is still at hand.
    """
    with opened() as (settings, database):
        own = app_secrets_of(own_authority(settings, database, authority.DEVICES))
        before = app_secrets_of(authority.load(former, authority.DEVICES))
        done = reseal(HeldAppSecrets(database), own, before)
    click.echo(f"{counted(done.sealed, 'secret|secrets')} encrypted under key {own.key_name}.")
    if done.unreadable:
        raise SecretUnreadable(
            f"{counted(done.unreadable, 'secret|secrets')} of apps can be read with neither key: "
            "their people sign in with a recovery code and renew the app at /account, or "
            "`account reset` them"
        )


def _link(settings: ServerSettings, database: Database, name: str, value: str) -> None:
    issuer = _require_provider(settings)
    kept = value.strip()
    if not 0 < len(kept) <= LONGEST or not kept.isprintable():
        raise DeclarationRefused(
            f"an identity has 1 to {LONGEST} characters that can be printed; who was refused "
            "at the sign-in stands with theirs in the audit"
        )
    links = Links(database)
    links.link(name, issuer, settings.oidc.invited_by, kept, act())
    click.echo(f"Account {printable(name)} signs in by the identity provider:")
    show_table(
        ("ISSUER", "CLAIM", "VALUE"), [tuple(map(printable, held)) for held in links.links(name)]
    )


def _require_provider(settings: ServerSettings) -> str:
    if not settings.oidc.issuer:
        raise SettingsMalformed(f"{PREFIX}OIDC__ISSUER is not set: there is no identity provider")
    return settings.oidc.issuer


@click.command("setup-code")
@told_errors
def setup_code() -> None:
    """Print a new code that sets up an administrator's account."""
    with opened() as (settings, database):
        tell_code(settings, database, None)


def tell_code(settings: ServerSettings, database: Database, name: str | None) -> None:
    """Prints a new setup code, where it is used and how long."""
    code = invite(settings, database)(name, act())
    minutes = round(settings.sign_in.setup_code.total_seconds() / 60)
    click.echo(f"Setup code, valid once for {counted(minutes, 'minute|minutes')}: {code}")
    click.echo(f"  use it at {setup_address(settings)}")
