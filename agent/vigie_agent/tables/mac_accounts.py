"""The accounts of a Mac with what gives them rights, and why some of it could not be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from vigie_agent.tables.accounts import Group, User
from vigie_agent.tables.admin_rights import Grant, grants, ways
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    DSCL,
    DSMEMBERUTIL,
    LAST,
    Unanswered,
    flag_of,
    plist_answer,
    plist_file,
    read_answer,
    why_unanswered,
)
from vigie_agent.tables.mac_directory import (
    FIRST_PERSON,
    GROUP_ATTRIBUTES,
    USER_ATTRIBUTES,
    Directory,
    MacUser,
    groups_in,
    users_in,
)
from vigie_agent.tables.mac_logins import last_days
from vigie_agent.tables.sudo_rules import SudoPolicy, read_sudoers, sudo_policy

ADMIN_GROUP: Final = "admin"
GUEST: Final = "Guest"
_MOST_ASKED: Final = 15  # accounts whose membership is asked of the system one by one
_ASKING: Final = timedelta(seconds=1)
_MAX_SAID: Final = 4096
_LOGIN_WINDOW: Final = "/Library/Preferences/com.apple.loginwindow.plist"
_MANAGED: Final = "/Library/Managed Preferences"


@dataclass(frozen=True, slots=True)
class MacAccounts:
    """Everything known of the accounts. `no_...` say why a part is not; empty when it is."""

    users: tuple[MacUser, ...]
    grants: tuple[Grant, ...]
    last_logins: Mapping[str, int]
    no_sudoers: str = ""
    no_logins: str = ""
    no_membership: str = ""
    admin_via: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "admin_via", ways(self.grants))

    @property
    def unread_rights(self) -> str:
        """Why not all that gives rights could be read; empty when it could."""
        return self.no_sudoers or self.no_membership

    def is_admin(self, username: str) -> int | None:
        """1 when something gives it rights, None when what could is not readable."""
        if self.admin_via.get(username):
            return 1
        return None if self.unread_rights else 0


def read_mac_accounts(host: Host, today: date) -> MacAccounts:
    """Asks the local directory, sudoers and the register of logins.

    Raises Unanswered when the directory itself does not answer.
    """
    directory = _directory(host)
    try:
        policy, no_sudoers = sudo_policy(read_sudoers(host)), ""
    except OSError:
        policy, no_sudoers = SudoPolicy(), "needs root: rights given by sudoers"
    found = mac_grants(directory, policy)
    by_directory, no_membership = _members_by_directory(host, directory.users, found)
    logins, no_logins = _logins(host, today)
    return MacAccounts(
        users=directory.users,
        grants=(*found, *by_directory),
        last_logins=logins,
        no_sudoers=no_sudoers,
        no_logins=no_logins,
        no_membership=no_membership,
    )


def guest_enabled(host: Host, users: Sequence[MacUser]) -> bool:
    """Whether anyone may open a session as guest. Raises Unanswered when a file is closed.

    A profile decides, then the login window's own setting, then whether the account is there.
    """
    managed = plist_file(host, f"{_MANAGED}/com.apple.MCX.plist") or {}
    if flag_of(managed.get("DisableGuestAccount")):
        return False
    if flag_of(managed.get("EnableGuestAccount")):
        return True
    setting = flag_of((plist_file(host, _LOGIN_WINDOW) or {}).get("GuestEnabled"))
    return any(user.name == GUEST for user in users) if setting is None else setting


def mac_grants(directory: Directory, policy: SudoPolicy) -> tuple[Grant, ...]:
    """Every way to administration rights that the local directory and sudoers tell."""
    members = {group.name: directory.members(group) for group in directory.groups}
    found = grants(
        [User(user.name, user.uid, user.gid, "", "", user.shell) for user in directory.users],
        [Group(g.name, g.gid, members[g.name].users) for g in directory.groups],
        policy,
        (ADMIN_GROUP,),
    )
    foreign = []
    if admins := members.get(ADMIN_GROUP):
        via = f"group {ADMIN_GROUP}"
        foreign += [Grant(name, None, via) for name in sorted(admins.unknown_names)]
        foreign += [Grant(guid, None, via, is_group=True) for guid in sorted(admins.unknown_groups)]
    return (*found, *foreign)


def _directory(host: Host) -> Directory:
    users = users_in(
        plist_answer(host, DSCL, "-plist", ".", "-readall", "/Users", *USER_ATTRIBUTES)
    )
    groups = groups_in(
        plist_answer(host, DSCL, "-plist", ".", "-readall", "/Groups", *GROUP_ATTRIBUTES)
    )
    if not users or not groups:
        raise Unanswered("dscl answered what could not be understood")
    return Directory(users, groups)


def _members_by_directory(
    host: Host, users: Sequence[MacUser], found: Sequence[Grant]
) -> tuple[list[Grant], str]:
    """Accounts that the system counts as administrators though no local group says so.

    A directory (Active Directory's "allow administration by") adds its groups to the local one
    without a trace in it: only the system's own resolver knows.
    """
    known = {grant.account for grant in found}
    asked = [
        user
        for user in users
        if user.uid >= FIRST_PERSON and user.interactive and user.name not in known
    ]
    more: list[Grant] = []
    for user in asked[:_MOST_ASKED]:
        try:
            member = _is_member(host, user.name)
        except Unanswered as why:
            return more, str(why)
        if member:
            more.append(Grant(user.name, user.uid, f"group {ADMIN_GROUP}, by the directory"))
    return more, "too many accounts to ask each" if len(asked) > _MOST_ASKED else ""


def _is_member(host: Host, name: str) -> bool:
    result = host.run(
        (DSMEMBERUTIL, "checkmembership", "-U", name, "-G", ADMIN_GROUP),
        timeout=_ASKING,
        max_output=_MAX_SAID,
    )
    said = result.stdout.lower()
    if "is a member of the group" in said:
        return True
    if "is not a member of the group" in said:  # which some releases tell by their exit code too
        return False
    raise Unanswered(why_unanswered("dsmemberutil", result))


def _logins(host: Host, today: date) -> tuple[Mapping[str, int], str]:
    try:
        return read_answer(host, lambda said: last_days(said, today), LAST), ""
    except Unanswered as why:
        return {}, str(why)


def people(accounts: MacAccounts) -> Iterator[MacUser]:
    """The accounts that somebody may use: all of people, and every other one that is enabled."""
    for user in accounts.users:
        if user.name != GUEST and (user.uid >= FIRST_PERSON or user.enabled):
            yield user
