"""vigie_screen_lock: when sessions lock by themselves, for each account, and which setting wins."""

import platform
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.desktop_locks import DESKTOPS, Desktop, desktop_of
from vigie_agent.tables.homes import Home, homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.mac_answers import Unanswered
from vigie_agent.tables.mac_locks import (
    SaverSettings,
    account_lock,
    ask_display,
    judged,
    profile_settings,
)
from vigie_agent.tables.session_locks import Answer, Lock
from vigie_agent.tables.windows_locks import account_locks, machine_limit
from vigie_agent.tables.windows_system import Unread

COLUMNS: Final = (
    text("part", "machine: an account that sets nothing itself; users: each account"),
    text("username", "The account, in part users"),
    text("source", "Which setting wins: a desktop's, a policy, a profile, the account's own"),
    integer("locks", "The session locks by itself and asks for the password"),
    integer("lock_after_seconds", "Idle time until the password is asked; NULL when it never is"),
    integer("asks_password", "A password is asked once the screen is blanked"),
    integer("grace_seconds", "Time between blanking and locking"),
    integer("enforced", "The administrator has set it so that the account cannot change it"),
    *COLLECTED,
)
"""Part machine: one row, on Linux one a desktop. Part users: one row an account, on Linux one an
account and desktop, but for an account whose last session is on record. Without a desktop, none."""

_SESSION_FOLDERS: Final = ("/usr/share/xsessions", "/usr/share/wayland-sessions")
_ACCOUNTS_SERVICE: Final = "/var/lib/AccountsService/users"
_SEALED_HOME: Final = "Access-Your-Private-Data.desktop"


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    rows = {"darwin": _mac, "windows": _windows}.get(system or platform.system().lower(), _linux)
    return (
        Table(
            "vigie_screen_lock",
            COLUMNS,
            lambda _request: rows(host),
            description="When sessions lock by themselves, for each account",
        ),
    )


# --- Windows --------------------------------------------------------------------------------------


def _windows(host: Host) -> Iterator[TableRow]:
    limit = machine_limit(host.windows)
    if isinstance(limit, Unread):
        yield not_collected(limit.why("the machine's limit"), part="machine")
    else:
        asks = limit.seconds > 0
        lock = Lock(limit.seconds or None, asks_password=asks, enforced=asks)
        yield _told(lock, part="machine", source=limit.source)
    accounts = account_locks(host, limit)
    if isinstance(accounts, Unread):
        yield not_collected(accounts.why("the list of profiles"), part="users")
        return
    for account in accounts:
        yield _told(account.lock, part="users", source=account.source, username=account.username)


# --- macOS ----------------------------------------------------------------------------------------


def _mac(host: Host) -> Iterator[TableRow]:
    display = ask_display(host)
    try:
        everyones = profile_settings(host)
    except Unanswered as why:
        yield not_collected(str(why), part="machine")
        everyones = SaverSettings()
    else:
        unknown = "no profile says whether the password is asked"
        lock = judged(everyones, SaverSettings(), display, unknown)
        yield _told(lock, part="machine", source="profile" if isinstance(lock, Lock) else "")
    for home in homes(host, "darwin"):
        lock = account_lock(host, home, everyones, display)
        imposed = isinstance(lock, Lock) and lock.enforced
        source = "profile" if imposed else "settings of the account"
        yield _told(
            lock,
            part="users",
            source=source if isinstance(lock, Lock) else "",
            username=home.username,
        )


# --- Linux ----------------------------------------------------------------------------------------


def _linux(host: Host) -> Iterator[TableRow]:
    sessions = _sessions(host)
    installed = [one for one in DESKTOPS if any(desktop_of(name) is one for name in sessions)]
    if sessions and not installed:
        yield not_collected(f"how this desktop locks is not known: {sessions[0]}", part="machine")
    for desktop in installed:
        yield _row(host, desktop, part="machine")
    for home in homes(host) if sessions else ():
        yield from _rows_of(host, home, installed)


def _rows_of(host: Host, home: Home, installed: list[Desktop]) -> Iterator[TableRow]:
    session = _last_session(host, home.username)
    used = desktop_of(session) if session else None
    if session and used is None:
        yield not_collected(
            f"how this desktop locks is not known: {session}", part="users", username=home.username
        )
        return
    for desktop in [used] if used else installed:
        yield _row(host, desktop, part="users", home=home)


def _row(host: Host, desktop: Desktop, *, part: str, home: Home | None = None) -> TableRow:
    known = {"part": part, "source": desktop.name, "username": home.username if home else ""}
    if home and is_there(host, f"{home.directory}/{_SEALED_HOME}"):
        return not_collected("the account's home is encrypted and closed", **known)
    answer = desktop.lock(host, home.directory if home else "")
    return _told(answer, **known)


def _told(lock: Answer, *, part: str, source: str, username: str = "") -> TableRow:
    known = {"part": part, "source": source, "username": username}
    if not isinstance(lock, Lock):
        return not_collected(lock, **known)
    return collected(
        **known,
        locks=int(lock.locks),
        lock_after_seconds=lock.after_seconds,
        asks_password=int(lock.asks_password),
        grace_seconds=lock.grace_seconds,
        enforced=int(lock.enforced),
    )


def _sessions(host: Host) -> list[str]:
    """The sessions that the login screen offers, by name of file."""
    found = set[str]()
    for folder in _SESSION_FOLDERS:
        try:
            names = [item.name for item in host.path(folder).iterdir()]
        except OSError:
            continue
        found |= {name.removesuffix(".desktop") for name in names if name.endswith(".desktop")}
    return sorted(found)


def _last_session(host: Host, username: str) -> str:
    """The session that the account opened last, as the login screen remembers; may be empty."""
    text_of = host.text_or_empty(f"{_ACCOUNTS_SERVICE}/{username}")
    lines = config_lines(text_of, Grammar.INI)
    said = {line.key: line.value for line in lines if line.section == "User"}
    return said.get("Session") or said.get("XSession") or ""
