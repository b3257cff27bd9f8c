"""The local directory of a Mac as `dscl -plist` prints it: accounts, groups, members. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vigie_agent.tables.mac_answers import dictionaries, dictionary, flag_of, number_of, plist_in

USER_ATTRIBUTES: Final = (
    "RecordName",
    "UniqueID",
    "PrimaryGroupID",
    "UserShell",
    "GeneratedUID",
    "IsHidden",
    "AuthenticationAuthority",
    "OriginalNodeName",
    "accountPolicyData",
)
GROUP_ATTRIBUTES: Final = (
    "RecordName",
    "PrimaryGroupID",
    "GeneratedUID",
    "GroupMembership",
    "GroupMembers",
    "NestedGroups",
)
"""What is asked of dscl: never a password's hash, a picture or an address."""

FIRST_PERSON: Final = 500
_NO_SESSION: Final = frozenset({"", "false", "nologin", "true", "uucico"})
_AUTHORITIES: Final = frozenset(
    {"shadowhash", "localcacheduser", "netlogon", "kerberosv5", "basic"}
)


@dataclass(frozen=True, slots=True)
class MacUser:
    """An account of this Mac. `authorities`: the ways in which it may prove who it is."""

    name: str
    uid: int
    gid: int
    shell: str = ""
    guid: str = ""
    hidden: bool = False
    authorities: tuple[str, ...] = ()
    node: str = ""
    password_set: int | None = None
    created: int | None = None
    policy_read: bool = False

    @property
    def interactive(self) -> bool:
        """Whether its shell lets a person in."""
        return self.shell.rpartition("/")[2] not in _NO_SESSION

    @property
    def enabled(self) -> bool:
        """Whether one can open a session with it.

        A disabled account keeps its authority behind `;DisabledUser;`; one that never had any
        (root on a new Mac, those of services) cannot log in at all.
        """
        return (
            self.interactive
            and not any(_tag(authority) == "disableduser" for authority in self.authorities)
            and any(_tag(authority) in _AUTHORITIES for authority in self.authorities)
        )

    @property
    def is_directorys(self) -> bool:
        """Whether it is the copy of an account that a directory keeps (a mobile account)."""
        return bool(self.node) or any(_tag(a) == "localcacheduser" for a in self.authorities)

    @property
    def secure_token(self) -> bool:
        """Whether it can unlock FileVault and approve what the hardware guards."""
        return any(_tag(authority) == "securetoken" for authority in self.authorities)


@dataclass(frozen=True, slots=True)
class MacGroup:
    """A group: members by short name and by GUID, groups in it by GUID."""

    name: str
    gid: int
    guid: str = ""
    names: frozenset[str] = frozenset()
    guids: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a group: accounts of this Mac, and names and groups that it does not know."""

    users: frozenset[str] = frozenset()
    unknown_names: frozenset[str] = frozenset()
    unknown_groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Directory:
    """All accounts and groups of the local node."""

    users: tuple[MacUser, ...] = ()
    groups: tuple[MacGroup, ...] = ()
    _by_guid: Mapping[str, MacGroup] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_guid = {group.guid: group for group in self.groups if group.guid}
        object.__setattr__(self, "_by_guid", by_guid)

    def members(self, group: MacGroup) -> Members:
        """Everyone in `group` and in the groups inside it, to any depth."""
        inside, outside = self._nested(group)
        users = frozenset(
            user.name
            for user in self.users
            if any(
                user.gid == found.gid or user.name in found.names or user.guid in found.guids
                for found in inside
            )
        )
        known = {user.name for user in self.users}
        named = frozenset(name for found in inside for name in found.names)
        return Members(users, named - known, frozenset(outside))

    def _nested(self, group: MacGroup) -> tuple[list[MacGroup], set[str]]:
        inside, outside, waiting, seen = [group], set[str](), [*group.nested], {group.guid}
        while waiting:
            guid = waiting.pop()
            if guid in seen:
                continue
            seen.add(guid)
            found = self._by_guid.get(guid)
            if found is None:
                outside.add(guid)
            else:
                inside.append(found)
                waiting += found.nested
        return inside, outside


def users_in(printed: object) -> tuple[MacUser, ...]:
    """The accounts in the property list that `dscl -plist . -readall /Users` printed."""
    return tuple(user for record in dictionaries(printed) if (user := _user(_short(record))))


def groups_in(printed: object) -> tuple[MacGroup, ...]:
    """The groups in the property list that `dscl -plist . -readall /Groups` printed."""
    return tuple(group for record in dictionaries(printed) if (group := _group(_short(record))))


def _user(record: Mapping[str, Sequence[str]]) -> MacUser | None:
    name, uid = _first(record, "RecordName"), number_of(_first(record, "UniqueID"))
    if not name or uid is None:
        return None
    policy = dictionary(plist_in(_first(record, "accountPolicyData")))
    gid = number_of(_first(record, "PrimaryGroupID"))
    return MacUser(
        name=name,
        uid=uid,
        gid=-1 if gid is None else gid,
        shell=_first(record, "UserShell"),
        guid=_first(record, "GeneratedUID").upper(),
        hidden=flag_of(_first(record, "IsHidden")) is True,
        authorities=tuple(record.get("AuthenticationAuthority", ())),
        node=_first(record, "OriginalNodeName"),
        password_set=_past(policy.get("passwordLastSetTime")),
        created=_past(policy.get("creationTime")),
        policy_read=bool(policy),
    )


def _group(record: Mapping[str, Sequence[str]]) -> MacGroup | None:
    name, gid = _first(record, "RecordName"), number_of(_first(record, "PrimaryGroupID"))
    if not name or gid is None:
        return None
    return MacGroup(
        name=name,
        gid=gid,
        guid=_first(record, "GeneratedUID").upper(),
        names=frozenset(record.get("GroupMembership", ())),
        guids=frozenset(guid.upper() for guid in record.get("GroupMembers", ())),
        nested=frozenset(guid.upper() for guid in record.get("NestedGroups", ())),
    )


def _short(record: Mapping[str, object]) -> dict[str, list[str]]:
    """A record with `dsAttrTypeStandard:` and `dsAttrTypeNative:` taken from its names."""
    return {name.rpartition(":")[2]: list(_texts(values)) for name, values in record.items()}


def _texts(values: object) -> Iterator[str]:
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif isinstance(value, str | int):
            yield str(value)


def _first(record: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(record.get(name, ())), "").strip()


def _past(value: object) -> int | None:
    seconds = number_of(value)
    return seconds if seconds is not None and seconds > 0 else None


def _tag(authority: str) -> str:
    """`;ShadowHash;HASHLIST:<...>` is of the kind ShadowHash; a version may stand before it."""
    return [*authority.split(";"), ""][1].lower()
