"""vigie_mac_accounts, vigie_mac_admins, vigie_mac_sessions: who may use a Mac, and rule it (macOS).

osquery tells neither disabled accounts, nor groups in groups, nor administrators that a directory
adds. Nothing of a password is read, only the day it was set.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_accounts import (
    GUEST,
    MacAccounts,
    guest_enabled,
    people,
    read_mac_accounts,
)
from vigie_agent.tables.mac_answers import WHO, Unanswered, answer
from vigie_agent.tables.mac_directory import MacUser
from vigie_agent.tables.mac_logins import open_sessions

ACCOUNTS_COLUMNS: Final = (
    text("username", "Account name"),
    integer("uid", "Account number"),
    text("source", "local, or domain for the copy of a directory's account"),
    text("shell", "Login shell"),
    integer("interactive", "A person can log in with it: its shell is one"),
    integer("enabled", "Not disabled, with a way to prove who one is and with a shell"),
    integer("hidden", "It is not shown in the login window"),
    integer("is_guest", "The system's guest account"),
    integer("is_admin", "Has administration rights; NULL when not all that gives them was read"),
    text("admin_via", "What gives them, comma separated"),
    integer("secure_token", "It can unlock FileVault"),
    unix_time("password_last_change", "Day of the last change of password; NULL without root"),
    unix_time("created", "Day of creation; NULL without root"),
    unix_time("last_login_day", "Day of the last login that the Mac remembers"),
    *COLLECTED,
)
"""One row an account that somebody may use, and one for the guest account. `why` names what could
not be read about it."""

ADMINS_COLUMNS: Final = (
    text(
        "account", "Account, or the name or GUID of one, or of a group, that only a directory knows"
    ),
    text("account_id", "uid; empty when it is not an account of this Mac"),
    text("source", "local, domain for the copy of a directory's account, or remote"),
    text("kind", "user or group"),
    text("via", "What gives the rights: uid 0, sudoers <rule's name>, group <name>"),
    integer("enabled", "The account can be used; NULL when not known"),
    integer("builtin", "root, the system's own administration account"),
    *COLLECTED,
)
"""One row an account and a way; one of `collected` = no for each source that is closed."""

SESSIONS_COLUMNS: Final = (
    text("username", "Account with an open session"),
    text("uid", "Its number, empty when it is not an account of this Mac"),
    integer("is_admin", "The account has administration rights; NULL when not known"),
    text("admin_via", "What gives them"),
    *COLLECTED,
)
"""One row an account with at least one open session; no row when there is none."""

_DARWIN: Final = frozenset({"darwin"})
_DAY: Final = 86_400


def tables(host: Host, now: Callable[[], datetime] = utc_now) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_mac_accounts",
            ACCOUNTS_COLUMNS,
            lambda _request: list(_accounts(host, now())),
            platforms=_DARWIN,
            description="Accounts of a Mac: state, rights, day of last login",
        ),
        Table(
            "vigie_mac_admins",
            ADMINS_COLUMNS,
            lambda _request: list(_admins(host, now())),
            platforms=_DARWIN,
            description="Accounts and groups with administration rights, and what gives them",
        ),
        Table(
            "vigie_mac_sessions",
            SESSIONS_COLUMNS,
            lambda _request: list(_sessions(host, now())),
            platforms=_DARWIN,
            description="Accounts with an open session and their rights",
        ),
    )


def _accounts(host: Host, now: datetime) -> Iterator[TableRow]:
    try:
        accounts = read_mac_accounts(host, now.date())
    except Unanswered as why:
        yield not_collected(str(why))
        return
    for user in people(accounts):
        yield _account(user, accounts)
    yield _guest(host, accounts)


def _account(user: MacUser, accounts: MacAccounts) -> TableRow:
    no_policy = "" if user.policy_read else "needs root: when the password was set"
    whys = (no_policy, accounts.unread_rights, accounts.no_logins)
    return collected(
        ", ".join(why for why in whys if why),
        username=user.name,
        uid=user.uid,
        source=_source(user),
        shell=user.shell,
        interactive=int(user.interactive),
        enabled=int(user.enabled),
        hidden=int(user.hidden),
        is_guest=0,
        is_admin=accounts.is_admin(user.name),
        admin_via=", ".join(accounts.admin_via.get(user.name, ())),
        secure_token=int(user.secure_token),
        password_last_change=_day(user.password_set),
        created=_day(user.created),
        last_login_day=accounts.last_logins.get(user.name),
    )


def _guest(host: Host, accounts: MacAccounts) -> TableRow:
    try:
        enabled = int(guest_enabled(host, accounts.users))
    except Unanswered as why:
        return not_collected(str(why), username=GUEST, is_guest=1)
    return collected(
        username=GUEST,
        uid=201,
        source="local",
        interactive=enabled,
        enabled=enabled,
        hidden=0,
        is_guest=1,
        is_admin=0,
        secure_token=0,
        last_login_day=accounts.last_logins.get(GUEST),
    )


def _admins(host: Host, now: datetime) -> Iterator[TableRow]:
    try:
        accounts = read_mac_accounts(host, now.date())
    except Unanswered as why:
        yield not_collected(str(why))
        return
    by_name = {user.name: user for user in accounts.users}
    for grant in accounts.grants:
        user = by_name.get(grant.account) if grant.is_local else None
        if user is not None and not (user.uid == 0 and grant.via != "uid 0"):
            yield collected(
                account=user.name,
                account_id=str(user.uid),
                source=_source(user),
                kind="user",
                via=grant.via,
                enabled=int(user.enabled),
                builtin=int(user.uid == 0),
            )
        elif user is None and grant.account != "root":
            yield collected(
                account=grant.account,
                source="remote",
                kind="group" if grant.is_group else "user",
                via=grant.via,
                builtin=0,
            )
    for closed in (accounts.no_sudoers, accounts.no_membership):
        if closed:
            yield not_collected(closed)


def _sessions(host: Host, now: datetime) -> Iterator[TableRow]:
    try:
        names = open_sessions(answer(host, WHO))
        accounts = read_mac_accounts(host, now.date()) if names else None
    except Unanswered as why:
        yield not_collected(str(why))
        return
    if accounts is None:
        return
    uids = {user.name: str(user.uid) for user in accounts.users}
    for name in names:
        yield collected(
            accounts.unread_rights,
            username=name,
            uid=uids.get(name),
            is_admin=accounts.is_admin(name) if name in uids else None,
            admin_via=", ".join(accounts.admin_via.get(name, ())),
        )


def _source(user: MacUser) -> str:
    return "domain" if user.is_directorys else "local"


def _day(seconds: int | None) -> int | None:
    return None if seconds is None else seconds // _DAY * _DAY
