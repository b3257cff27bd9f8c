r"""Accounts and administrators of a Windows device: what their numbers and flags mean. Pure.

Accounts are told apart by SID: names are translated ("Administrateur", "Invité") and can be
changed, and a local account may have the number of a domain's.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from vigie_agent.tables.windows_profiles import is_entra
from vigie_agent.tables.windows_system import GroupMember, LocalUser

BUILTIN_ADMINISTRATOR: Final = "500"
GUEST: Final = "501"
_NOBODYS: Final = frozenset({"503", "504"})  # DefaultAccount, WDAGUtilityAccount

_DISABLED: Final = 0x0002
_PASSWORD_NOT_REQUIRED: Final = 0x0020
_PASSWORD_NEVER_EXPIRES: Final = 0x1_0000

_USER: Final = 1
_GROUPS: Final = frozenset({2, 4, 5})  # group, alias, well-known group
_DELETED: Final = 6
_COMPUTER: Final = 9
_GROUPS_OF_A_DOMAIN: Final = frozenset({"512", "513", "518", "519"})  # Domain Admins, Users, ...

EVERYBODY: Final = frozenset(
    {
        "S-1-1-0",  # everyone
        "S-1-5-4",  # whoever logs on at the device
        "S-1-5-11",  # authenticated users
    }
)
"""Groups that hold whoever opens a session."""


def rid(sid: str) -> str:
    """The last number of a SID."""
    return sid.rpartition("-")[2]


def authority(sid: str) -> str:
    """Who issued a SID: the machine or a domain."""
    return sid.rpartition("-")[0]


def machine_of(users: Iterable[LocalUser]) -> str:
    """The SID of the machine itself, that all its accounts begin with; empty without accounts."""
    return next((authority(user.sid) for user in users), "")


def enabled(user: LocalUser, now: int) -> bool:
    """Whether a session can be opened with it: neither disabled nor expired."""
    return not user.flags & _DISABLED and (user.expires is None or user.expires > now)


def may_have_no_password(user: LocalUser) -> bool:
    """Whether the account is exempt from having a password; that it has none is not known."""
    return bool(user.flags & _PASSWORD_NOT_REQUIRED)


def password_never_expires(user: LocalUser) -> bool:
    """Whether the age limit of passwords does not hold for it."""
    return bool(user.flags & _PASSWORD_NEVER_EXPIRES)


def is_interactive(user: LocalUser) -> bool:
    """Whether a person can log in with it; Windows' own helpers and services' accounts cannot."""
    return rid(user.sid) not in _NOBODYS and not user.name.endswith("$")


def source_of(sid: str, machine: str) -> str:
    """local, domain, or remote for Entra; empty where the SID is nobody's (well-known groups)."""
    if machine and authority(sid) == machine:
        return "local"
    if is_entra(sid):
        return "remote"
    return "domain" if sid.startswith("S-1-5-21-") else "local"


def is_group(member: GroupMember) -> bool:
    """Whether it holds members of its own, which this device does not know.

    What Entra adds by itself (its device administrators) has no name here and may be a group. A
    domain's own groups are known by their number where nobody can name them (away from it).
    """
    if member.kind == _USER:
        return False
    of_domain = member.sid.startswith("S-1-5-21-") and rid(member.sid) in _GROUPS_OF_A_DOMAIN
    return member.kind in _GROUPS or is_entra(member.sid) or of_domain


def may_be_group(member: GroupMember) -> bool:
    """As `is_group`, and whoever could not be resolved."""
    return is_group(member) or (not member.name and member.kind not in {_USER, _DELETED, _COMPUTER})


def is_deleted(member: GroupMember, machine: str) -> bool:
    """Whether the account is gone: only its number is left in the group."""
    unknown = not member.name and member.kind != _USER
    return member.kind == _DELETED or (unknown and authority(member.sid) == machine)


def is_admin(sid: str, members: Sequence[GroupMember], machine: str) -> bool | None:
    """Whether the account holds the administrators' rights; None where a group may give them."""
    direct = {member.sid for member in members}
    if sid in direct or direct & EVERYBODY:
        return True
    if authority(sid) == machine:
        return False  # a domain's group cannot hold a local account
    return None if any(may_be_group(member) for member in members) else False


def in_administrators(groups: Collection[str], administrators: str) -> bool:
    """Whether a session's token names the administrators: refused until raised, or not."""
    return administrators in groups
