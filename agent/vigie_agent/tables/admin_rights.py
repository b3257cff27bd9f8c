"""Who has administration rights on a Linux device or a Mac, and through what: pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.accounts import Group, User
from vigie_agent.tables.sudo_rules import SudoPolicy, SudoRule

ADMIN_GROUPS: Final = ("sudo", "wheel", "admin", "docker", "lxd", "incus-admin")
"""Groups whose members are, or can make themselves, root: by sudo and polkit as distributions set
them up, or through a container that they may start with the whole disk in it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One account (or a group whose members are not known here) and one way to its rights."""

    account: str
    uid: int | None
    via: str
    is_group: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the device's own files know the account."""
        return self.uid is not None


def grants(
    users: Sequence[User],
    groups: Sequence[Group],
    policy: SudoPolicy,
    admin_groups: Sequence[str] = ADMIN_GROUPS,
) -> tuple[Grant, ...]:
    """Every way to administration rights, each once, in a stable order."""
    members = _members(users, groups)
    found = [
        *_of_root(users),
        *(
            Grant(user.name, user.uid, f"group {name}")
            for name in admin_groups
            for user in members.get(name, ())
        ),
        *(
            grant
            for rule in policy.rules
            if rule.full
            for grant in _of_rule(rule, users, members, groups, policy)
        ),
    ]
    return tuple(dict.fromkeys(found))


def ways(found: Sequence[Grant]) -> Mapping[str, tuple[str, ...]]:
    """What gives each local account its rights."""
    by_account: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for grant in found:
        if grant.is_local:
            by_account[grant.account] += (grant.via,)
    return by_account


def _of_root(users: Sequence[User]) -> Iterator[Grant]:
    return (Grant(user.name, user.uid, "uid 0") for user in users if user.uid == 0)


def _of_rule(
    rule: SudoRule,
    users: Sequence[User],
    members: Mapping[str, Sequence[User]],
    groups: Sequence[Group],
    policy: SudoPolicy,
) -> Iterator[Grant]:
    via = f"sudoers {rule.who}"
    if rule.who == "ALL":
        # With `targetpw` the one who knows root's password is root: that is not everyone.
        if not policy.asks_for_root_password:
            yield Grant("ALL", None, via, is_group=True)
            yield from (Grant(user.name, user.uid, via) for user in users)
        return
    if rule.who.startswith("%"):
        name = _group_name(rule.who, groups)
        if name is None:
            yield Grant(rule.who, None, via, is_group=True)
        yield from (Grant(user.name, user.uid, via) for user in members.get(name or "", ()))
        return
    if rule.who.startswith("+"):
        yield Grant(rule.who, None, via, is_group=True)
        return
    named = [user for user in users if rule.who in {user.name, f"#{user.uid}"}]
    yield from (Grant(user.name, user.uid, via) for user in named)
    if not named:
        yield Grant(rule.who, None, via)


def _group_name(who: str, groups: Sequence[Group]) -> str | None:
    """The local group that `%name` or `%#gid` means, None when there is none."""
    wanted = who.removeprefix("%")
    return next((g.name for g in groups if wanted in {g.name, f"#{g.gid}"}), None)


def _members(users: Sequence[User], groups: Sequence[Group]) -> Mapping[str, tuple[User, ...]]:
    return {
        group.name: tuple(
            user for user in users if user.gid == group.gid or user.name in group.members
        )
        for group in groups
    }
