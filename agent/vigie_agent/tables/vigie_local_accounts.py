"""vigie_local_accounts: the device's accounts, their state and their rights (Linux)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.account_state import Accounts, Password, is_interactive, read_accounts
from vigie_agent.tables.accounts import User
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host

COLUMNS: Final = (
    text("username", "Account name"),
    integer("uid", "Account number"),
    integer("gid", "Primary group number"),
    text("shell", "Login shell"),
    integer("interactive", "A person can log in with it: its shell is one; 0 for service accounts"),
    integer("enabled", "Not locked, not expired, with a shell; NULL when shadow is not readable"),
    integer(
        "is_admin",
        "Has administration rights; NULL when sudoers is not readable and no group tells",
    ),
    text(
        "admin_via",
        "What gives them, comma separated: uid 0, sudoers user, sudoers %group, group name",
    ),
    text("password_status", "set, empty, locked or none; NULL when shadow is not readable"),
    unix_time("password_last_change", "Day of the last password change"),
    unix_time("expires", "Day the account expires"),
    integer("password_max_days", "Maximum age of its password; -1 when there is none"),
    unix_time("last_login_day", "00:00 UTC of the day of the last login that the device remembers"),
    integer("shadow_read", "Whether /etc/shadow could be read"),
    integer("sudoers_read", "Whether sudoers could be read"),
    integer("logins_read", "Whether a register of logins could be read"),
    *COLLECTED,
)
"""One row an account, `collected` = yes; `why` names what could not be read about it."""

_DAY: Final = 86_400


def tables(host: Host, now: Callable[[], datetime] = utc_now) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_local_accounts",
            COLUMNS,
            lambda _request: _rows(host, now()),
            platforms=frozenset({"linux"}),
            description="Local accounts: state, rights, state of the password, day of last login",
        ),
    )


def _rows(host: Host, now: datetime) -> Iterator[TableRow]:
    accounts = read_accounts(host)
    if not accounts.users:
        yield not_collected("/etc/passwd could not be read")
    for user in accounts.users:
        yield _row(user, accounts, int(now.timestamp()) // _DAY)


def _row(user: User, accounts: Accounts, today: int) -> TableRow:
    password = accounts.passwords.get(user.name) or Password()
    login = accounts.last_logins.get(user.name)
    via = accounts.admin_via.get(user.name, ())
    return collected(
        ", ".join(
            why for why in (accounts.no_shadow, accounts.no_sudoers, accounts.no_logins) if why
        ),
        username=user.name,
        uid=user.uid,
        gid=user.gid,
        shell=user.shell,
        interactive=int(is_interactive(user)),
        enabled=accounts.enabled(user, today),
        is_admin=accounts.is_admin(user.name),
        admin_via=", ".join(via),
        password_status=password.status,
        password_last_change=_seconds(password.changed_day),
        expires=_seconds(password.expires_day),
        password_max_days=password.max_days,
        last_login_day=login // _DAY * _DAY if login else None,
        shadow_read=int(not accounts.no_shadow),
        sudoers_read=int(not accounts.no_sudoers),
        logins_read=int(not accounts.no_logins),
    )


def _seconds(day: int | None) -> int | None:
    return None if day is None else day * _DAY
