"""`users`, `groups`, `user_groups`, `shadow`: the accounts of this machine's own files.

Accounts of a directory (LDAP, SSSD) are listed only where `include_remote = 1` asks for them, as
osquery has it: listing a whole directory is slow and is not this device's business.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

_LINUX: Final = frozenset({"linux"})

USERS: Final = osquery_columns(
    "uid BIGINT index, gid BIGINT, uid_signed BIGINT, gid_signed BIGINT, username "
    "additional, description, directory, shell, uuid index, type hidden, is_hidden INTEGER "
    "hidden, pid_with_namespace INTEGER hidden additional, include_remote INTEGER hidden "
    "additional "
)
GROUPS: Final = osquery_columns(
    "gid BIGINT index, gid_signed BIGINT, groupname, group_sid hidden index, comment "
    "hidden, is_hidden INTEGER hidden, pid_with_namespace INTEGER hidden additional"
)
USER_GROUPS: Final = osquery_columns("uid BIGINT index, gid BIGINT index")
SHADOW: Final = osquery_columns(
    "password_status, hash_alg, last_change BIGINT, min BIGINT, max BIGINT, warning BIGINT, "
    "inactive BIGINT, expire BIGINT, flag BIGINT, username index"
)


class User(NamedTuple):
    """A line of /etc/passwd, without its password field."""

    name: str
    uid: int
    gid: int
    description: str
    directory: str
    shell: str


class Group(NamedTuple):
    """A line of /etc/group."""

    name: str
    gid: int
    members: frozenset[str]


def tables(host: Host) -> tuple[Table, ...]:
    return (
        Table("users", USERS, lambda request: _users(host, request), platforms=_LINUX),
        Table("groups", GROUPS, lambda request: _groups(host, request), platforms=_LINUX),
        Table("user_groups", USER_GROUPS, lambda request: _memberships(host, request), _LINUX),
        Table("shadow", SHADOW, lambda request: _shadow(host, request), platforms=_LINUX),
    )


def local_users(host: Host) -> list[User]:
    """The accounts in /etc/passwd, in its order; a line that is no account is left out."""
    users = []
    for fields in _records(host, "/etc/passwd", 7):
        name, _password, uid, gid, description, directory, shell = fields
        if name and uid.isdecimal() and gid.isdecimal():
            users.append(User(name, int(uid), int(gid), description, directory, shell))
    return users


def local_groups(host: Host) -> list[Group]:
    """The groups in /etc/group, in its order."""
    return [
        Group(name, int(gid), frozenset(filter(None, members.split(","))))
        for name, _password, gid, members in _records(host, "/etc/group", 4)
        if name and gid.isdecimal()
    ]


def _records(host: Host, path: str, count: int) -> Iterator[list[str]]:
    for line in host.text_or_empty(path).splitlines():
        fields = line.split(":")
        if len(fields) == count and not line.startswith("#"):
            yield fields


def _users(host: Host, request: Request) -> Iterable[TableRow]:
    remote_too = "1" in request.equals("include_remote")
    users = local_users(host)
    if remote_too and host.root == Path("/"):
        users += _other_users({user.name for user in users})
    uids, names = request.equals("uid"), request.equals("username")
    for user in users:
        if (uids and str(user.uid) not in uids) or (names and user.name not in names):
            continue
        yield {
            "uid": user.uid,
            "gid": user.gid,
            "uid_signed": _signed(user.uid),
            "gid_signed": _signed(user.gid),
            "username": user.name,
            "description": user.description,
            "directory": user.directory,
            "shell": user.shell,
            "uuid": "",
            "pid_with_namespace": 0,
            "include_remote": int(remote_too),
        }


def _other_users(known: set[str]) -> Iterator[User]:
    """The accounts that the system knows beyond its own file."""
    import pwd  # noqa: PLC0415 (not on Windows, where this module is imported but not used)

    for entry in pwd.getpwall():
        if entry.pw_name not in known:
            yield User(
                entry.pw_name,
                entry.pw_uid,
                entry.pw_gid,
                entry.pw_gecos,
                entry.pw_dir,
                entry.pw_shell,
            )


def _groups(host: Host, request: Request) -> Iterable[TableRow]:
    gids = request.equals("gid")
    for group in local_groups(host):
        if not gids or str(group.gid) in gids:
            yield {
                "gid": group.gid,
                "gid_signed": _signed(group.gid),
                "groupname": group.name,
                "pid_with_namespace": 0,
            }


def _memberships(host: Host, request: Request) -> Iterable[TableRow]:
    """Each user's own group first, then those that list the user."""
    groups = local_groups(host)
    uids = request.equals("uid")
    for user in local_users(host):
        if uids and str(user.uid) not in uids:
            continue
        gids = [user.gid, *(group.gid for group in groups if user.name in group.members)]
        for gid in dict.fromkeys(gids):
            yield {"uid": user.uid, "gid": gid}


def _shadow(host: Host, request: Request) -> Iterable[TableRow]:
    """The state of passwords, never a password. Empty without rights, as in osqueryd."""
    names = request.equals("username")
    for fields in _records(host, "/etc/shadow", 9):
        name, password, changed, least, most, warning, inactive, expire, flag = fields
        if names and name not in names:
            continue
        yield {
            "password_status": password_status(password),
            "hash_alg": password.split("$")[1] if password.startswith("$") else "",
            "last_change": changed or -1,
            "min": least or -1,
            "max": most or -1,
            "warning": warning or -1,
            "inactive": inactive or -1,
            "expire": expire or -1,
            "flag": flag or None,
            "username": name,
        }


def password_status(field: str) -> str:
    """`empty`, `not_set`, `locked` or `active`, from the second field of /etc/shadow."""
    if not field:
        return "empty"
    if field == "!!":
        return "not_set"
    return "locked" if field[0] in "!*x" else "active"


def _signed(number: int) -> int:
    """The number as a signed one of 32 bits: nobody's 4294967294 shows as -2."""
    return number - 2**32 if 2**31 <= number < 2**32 else number
