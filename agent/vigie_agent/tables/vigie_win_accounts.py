"""vigie_win_accounts, vigie_win_admins and vigie_win_sessions: who uses and who rules a Windows."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_accounts import (
    BUILTIN_ADMINISTRATOR,
    GUEST,
    authority,
    enabled,
    in_administrators,
    is_admin,
    is_deleted,
    is_group,
    is_interactive,
    machine_of,
    may_have_no_password,
    password_never_expires,
    rid,
    source_of,
)
from vigie_agent.tables.windows_profiles import Profile, profiles
from vigie_agent.tables.windows_server import is_domain_controller
from vigie_agent.tables.windows_system import (
    ADMINISTRATORS,
    GroupMember,
    LocalUser,
    OpenSession,
    Unread,
)

ACCOUNT_COLUMNS: Final = (
    text("username", "Account name; DOMAIN\\name where a local account has the same"),
    text("sid", "The account's identifier"),
    text("source", "local, domain, or remote for an account of Entra"),
    integer("enabled", "Neither disabled nor expired; NULL for accounts that are not local"),
    integer(
        "interactive", "A person can log in with it; 0 for the helpers of Windows and services"
    ),
    integer("is_admin", "Has administration rights; NULL when a group that is not local may tell"),
    integer("is_guest", "The guest account, whatever its name"),
    integer(
        "builtin_admin", "The administrator that Windows was installed with, whatever its name"
    ),
    integer("password_required", "0: it may have no password; whether it has none is not known"),
    text(
        "password_policy",
        "enforced: the rules in force refuse an empty password, and it is not exempt; else empty",
    ),
    integer("password_expires", "0: its password has no age limit"),
    unix_time("password_last_change", "Day of the last password change"),
    unix_time("expires", "When the account expires"),
    unix_time("last_logon_day", "00:00 UTC of the day of the last logon that the device remembers"),
    *COLLECTED,
)
"""One row a local account, and one a profile of an account that is not."""

ADMIN_COLUMNS: Final = (
    text("account", "Account or group, DOMAIN\\name unless it is local; the SID when nobody knows"),
    text("sid", "Its identifier"),
    text("source", "local, domain, or remote for Entra"),
    text("kind", "user, group or unknown"),
    text("group_name", "The administrators' group, in the language of the device"),
    integer("enabled", "The account can be used; NULL when not known"),
    integer("builtin", "The administrator that Windows was installed with"),
    *COLLECTED,
)
"""One row a direct member; `why` of a group says that its own members are not read."""

SESSION_COLUMNS: Final = (
    text("account", "Account with an open session, DOMAIN\\name unless it is local"),
    text("sid", "Its identifier"),
    text("source", "local, domain, or remote for Entra"),
    integer("remote", "Every one of its sessions comes from another machine"),
    integer("is_admin", "It has administration rights, nested groups included; NULL: not known"),
    *COLLECTED,
)
"""One row an account with a session, connected or left open; no row when there is none."""

_WINDOWS: Final = frozenset({"windows"})
_DAY: Final = 86_400
_ACCOUNTS: Final = "the accounts of this device"
_GROUP: Final = "the group of administrators"
_CONTROLLER: Final = "a domain controller has no accounts of its own: the domain's are not read"
_NESTED: Final = "the members of this group are known to its directory alone"


def tables(host: Host, now: Callable[[], datetime] = utc_now) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_win_accounts",
            ACCOUNT_COLUMNS,
            lambda _request: _accounts(host, int(now().timestamp())),
            platforms=_WINDOWS,
            description="Accounts of a Windows device: state, rights, state of the password",
        ),
        Table(
            "vigie_win_admins",
            ADMIN_COLUMNS,
            lambda _request: _admins(host, int(now().timestamp())),
            platforms=_WINDOWS,
            description="Members of the administrators' group, of a domain and Entra too",
        ),
        Table(
            "vigie_win_sessions",
            SESSION_COLUMNS,
            lambda _request: _sessions(host),
            platforms=_WINDOWS,
            description="Accounts with an open session and their rights",
        ),
    )


# --- Accounts -------------------------------------------------------------------------------------


def _accounts(host: Host, now: int) -> Iterator[TableRow]:
    users = host.windows.net_users()
    if isinstance(users, Unread):
        yield not_collected(users.why(_ACCOUNTS))
        return
    if is_domain_controller(host):
        yield not_collected(_CONTROLLER)
        return
    members = host.windows.net_local_group_members(ADMINISTRATORS)
    rules = host.windows.account_rules()
    refused = not isinstance(rules, Unread) and rules.min_length > 0
    found = profiles(host)
    known = () if isinstance(found, Unread) else found
    machine = machine_of(users)
    seen = {profile.sid: profile.loaded_at for profile in known}
    taken = {user.name.lower() for user in users}
    for user in users:
        row = _local_row(user, members, last_seen=seen.get(user.sid), machine=machine, now=now)
        enforced = refused and not may_have_no_password(user)
        yield {**row, "password_policy": "enforced" if enforced else ""}
    for profile in known:
        if authority(profile.sid) != machine:
            name = _name_of(host, profile, taken)
            yield _profile_row(profile, name, members, machine)
    if isinstance(found, Unread):
        yield not_collected(found.why("the profiles of accounts that are not local"))


def _local_row(
    user: LocalUser,
    members: Sequence[GroupMember] | Unread,
    *,
    last_seen: int | None,
    machine: str,
    now: int,
) -> TableRow:
    changed = None if user.password_age is None else now - user.password_age
    return collected(
        members.why(_GROUP) if isinstance(members, Unread) else "",
        username=user.name,
        sid=user.sid,
        source="local",
        enabled=int(enabled(user, now)),
        interactive=int(is_interactive(user)),
        is_admin=_admin(user.sid, members, machine),
        is_guest=int(rid(user.sid) == GUEST),
        builtin_admin=int(rid(user.sid) == BUILTIN_ADMINISTRATOR),
        password_required=int(not may_have_no_password(user)),
        password_expires=int(not password_never_expires(user)),
        password_last_change=_day(changed),
        expires=user.expires,
        last_logon_day=_day(max(user.last_logon, last_seen or 0)),
    )


def _name_of(host: Host, profile: Profile, taken: Collection[str]) -> str:
    """An account goes by its name alone, as people know it, unless a local one has that name."""
    full = host.windows.account_name(profile.sid)
    if isinstance(full, Unread):
        return profile.folder_name
    bare = full.rpartition("\\")[2]
    return full if bare.lower() in taken else bare


def _profile_row(
    profile: Profile, name: str, members: Sequence[GroupMember] | Unread, machine: str
) -> TableRow:
    return collected(
        members.why(_GROUP) if isinstance(members, Unread) else "",
        username=name,
        sid=profile.sid,
        source=source_of(profile.sid, machine),
        interactive=1,
        is_admin=_admin(profile.sid, members, machine),
        is_guest=0,
        builtin_admin=0,
        last_logon_day=_day(profile.loaded_at),
    )


def _admin(sid: str, members: Sequence[GroupMember] | Unread, machine: str) -> int | None:
    if isinstance(members, Unread):
        return None
    found = is_admin(sid, members, machine)
    return None if found is None else int(found)


def _day(seconds: int | None) -> int | None:
    return seconds // _DAY * _DAY if seconds else None


# --- Administrators -------------------------------------------------------------------------------


def _admins(host: Host, now: int) -> Iterator[TableRow]:
    members = host.windows.net_local_group_members(ADMINISTRATORS)
    users = host.windows.net_users()
    if isinstance(members, Unread):
        yield not_collected(members.why(_GROUP))
        return
    by_sid = {} if isinstance(users, Unread) else {user.sid: user for user in users}
    machine = machine_of(by_sid.values())
    named = host.windows.account_name(ADMINISTRATORS)
    group = "" if isinstance(named, Unread) else named.rpartition("\\")[2]
    for member in members:
        if not is_deleted(member, machine):
            yield _admin_row(member, by_sid.get(member.sid), group, machine=machine, now=now)
    if isinstance(users, Unread):
        yield not_collected(users.why(_ACCOUNTS))


def _admin_row(
    member: GroupMember, user: LocalUser | None, group: str, *, machine: str, now: int
) -> TableRow:
    source = source_of(member.sid, machine)
    holds_others = is_group(member)
    return collected(
        _NESTED if holds_others and source != "local" else "",
        account=_shown(member.name, source) or member.sid,
        sid=member.sid,
        source=source,
        kind="group" if holds_others else "user" if member.name else "unknown",
        group_name=group,
        enabled=int(enabled(user, now)) if user else None,
        builtin=int(user is not None and rid(member.sid) == BUILTIN_ADMINISTRATOR),
    )


def _shown(name: str, source: str) -> str:
    """A local account goes by its name alone, as people know it."""
    return name.rpartition("\\")[2] if source == "local" else name


# --- Sessions -------------------------------------------------------------------------------------


def _sessions(host: Host) -> Iterator[TableRow]:
    sessions = host.windows.sessions()
    if isinstance(sessions, Unread):
        yield not_collected(sessions.why("the sessions that are open"))
        return
    members = host.windows.net_local_group_members(ADMINISTRATORS)
    users = host.windows.net_users()
    machine = "" if isinstance(users, Unread) else machine_of(users)
    for account in sorted({session.account for session in sessions}):
        of_account = [session for session in sessions if session.account == account]
        yield _session_row(of_account, members, machine)


def _session_row(
    sessions: Sequence[OpenSession], members: Sequence[GroupMember] | Unread, machine: str
) -> TableRow:
    first = sessions[0]
    source = source_of(first.sid, machine) if first.sid else ""
    admin = _session_admin(sessions, members, machine)
    known: dict[str, str | int | None] = {
        "account": _shown(first.account, source),
        "sid": first.sid,
        "source": source,
        "remote": int(all(session.remote for session in sessions)),
    }
    if admin is None:
        return not_collected("needs elevated rights: the groups of an open session", **known)
    return collected(**known, is_admin=int(admin))


def _session_admin(
    sessions: Sequence[OpenSession], members: Sequence[GroupMember] | Unread, machine: str
) -> bool | None:
    """What the session's own token says; without rights to see it, what the group says."""
    told = [session.groups for session in sessions if session.groups is not None]
    if told:
        return any(in_administrators(groups, ADMINISTRATORS) for groups in told)
    sid = sessions[0].sid
    return None if isinstance(members, Unread) or not sid else is_admin(sid, members, machine)
