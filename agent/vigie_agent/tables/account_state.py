"""The device's accounts with what its files say of them, and why some of it could not be read."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vigie_agent.tables.accounts import User, local_groups, local_users
from vigie_agent.tables.admin_rights import Grant, grants, ways
from vigie_agent.tables.host import Host
from vigie_agent.tables.login_records import (
    USER_PROCESS,
    newest,
    read_lastlog,
    read_lastlog2,
    read_utmp,
    read_wtmpdb,
)
from vigie_agent.tables.sudo_rules import SudoPolicy, read_sudoers, sudo_policy

_NO_MAXIMUM: Final = 99_999
_MAX_REGISTER: Final = 32 * 1024 * 1024
_NO_SESSION: Final = frozenset({"nologin", "false", "true", "sync", "shutdown", "halt", "null"})
_NO_PASSWORD: Final = frozenset({"!", "!!", "*", "!*", "*LK*", "x"})
_REGISTERS: Final = (
    "/var/log/wtmp",
    "/var/log/wtmp.1",
    "/var/log/lastlog",
    "/var/lib/lastlog/lastlog2.db",
    "/var/lib/wtmpdb/wtmp.db",
)


@dataclass(frozen=True, slots=True)
class Password:
    """What /etc/shadow says of one account, never a hash. Days since 1970; None: not known."""

    status: str | None = None
    changed_day: int | None = None
    max_days: int | None = None
    expires_day: int | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything known of the local accounts. `no_...` say why a part is not; empty when it is."""

    users: tuple[User, ...]
    passwords: Mapping[str, Password]
    policy: SudoPolicy
    last_logins: Mapping[str, int]
    grants: tuple[Grant, ...]
    no_shadow: str = ""
    no_sudoers: str = ""
    no_logins: str = ""
    admin_via: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "admin_via", ways(self.grants))

    def enabled(self, user: User, today: int) -> int | None:
        """1 when someone can open a session with it on day `today`, None when that is not known."""
        if not is_interactive(user):
            return 0
        password = self.passwords.get(user.name)
        if password is None:
            return None if self.no_shadow else 0
        expired = password.expires_day is not None and password.expires_day <= today
        return int(password.status in {"set", "empty"} and not expired)

    def is_admin(self, username: str) -> int | None:
        """1 when something gives it rights, None when what could is not readable."""
        if self.admin_via.get(username):
            return 1
        return None if self.no_sudoers else 0


def read_accounts(host: Host) -> Accounts:
    """Reads the account files; what the process may not read is missing and said."""
    users = tuple(local_users(host))
    passwords, no_shadow = _passwords(host)
    try:
        policy, no_sudoers = sudo_policy(read_sudoers(host)), ""
    except OSError as error:
        policy, no_sudoers = SudoPolicy(), f"{error.filename} is readable by root only"
    last_logins, no_logins = _last_logins(host, users)
    return Accounts(
        users=users,
        passwords=passwords,
        policy=policy,
        last_logins=last_logins,
        grants=grants(users, local_groups(host), policy),
        no_shadow=no_shadow,
        no_sudoers=no_sudoers,
        no_logins=no_logins,
    )


def is_interactive(user: User) -> bool:
    """Whether its shell lets a person in; no shell at all means /bin/sh."""
    return user.shell.rpartition("/")[2] not in _NO_SESSION


def read_shadow(text: str) -> dict[str, Password]:
    """The state of each account's password in the text of /etc/shadow."""
    found = {}
    for line in text.splitlines():
        name, secret, changed, _, longest, _, _, expires, *_ = [*line.split(":"), *[""] * 8]
        if name and ":" in line:
            found[name] = Password(
                status=_status(secret),
                changed_day=_positive(changed),
                max_days=_max_days(longest),
                expires_day=_positive(expires),
            )
    return found


def _status(secret: str) -> str:
    """A hash behind `!` comes back when the account is unlocked; `!` alone has never had one."""
    if not secret:
        return "empty"
    if secret in _NO_PASSWORD:
        return "none"
    return "locked" if secret.startswith(("!", "*")) else "set"


def _max_days(written: str) -> int:
    days = _positive(written)
    return -1 if days is None or days >= _NO_MAXIMUM else days


def _positive(written: str) -> int | None:
    return int(written) if written.isdecimal() and int(written) > 0 else None


def _passwords(host: Host) -> tuple[dict[str, Password], str]:
    try:
        found = read_shadow(host.read_text("/etc/shadow"))
    except FileNotFoundError:
        return {}, "there is no /etc/shadow"
    except OSError:
        return {}, "/etc/shadow is readable by root only"
    # An empty field in /etc/passwd itself lets anyone in, whatever shadow says.
    for line in host.text_or_empty("/etc/passwd").splitlines():
        name, _, rest = line.partition(":")
        if name and rest.startswith(":"):
            found[name] = Password(status="empty")
    return found, ""


def _last_logins(host: Host, users: tuple[User, ...]) -> tuple[dict[str, int], str]:
    records: list[tuple[str, int]] = []
    unread: list[str] = []
    for path in _REGISTERS:
        try:
            records += _logins_of(host, path, users)
        except OSError:
            unread.append(path)
    if len(unread) == len(_REGISTERS):
        return {}, "this device keeps no register of logins that could be read"
    return newest(iter(records)), ""


def _logins_of(host: Host, path: str, users: tuple[User, ...]) -> list[tuple[str, int]]:
    if path.endswith("lastlog2.db"):
        return list(read_lastlog2(host.path(path)).items())
    if path.endswith("wtmp.db"):
        return list(read_wtmpdb(host.path(path)).items())
    data = host.read_bytes(path, max_bytes=_MAX_REGISTER)
    if path.endswith("lastlog"):
        by_uid = read_lastlog(data)
        return [(user.name, by_uid[user.uid]) for user in users if user.uid in by_uid]
    return [
        (record.user, record.time)
        for record in read_utmp(data, wide=has_wide_utmp())
        if record.type == USER_PROCESS and record.user
    ]


def has_wide_utmp() -> bool:
    """Whether this machine's utmp holds 64-bit times."""
    return platform.machine() == "aarch64"
