"""vigie_screen_lock: when sessions lock by themselves, for each account and desktop (Linux)."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.desktop_locks import DESKTOPS, Desktop, Lock, desktop_of
from vigie_agent.tables.homes import Home, homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there

COLUMNS: Final = (
    text("part", "machine: an account that sets nothing itself; users: each account"),
    text("username", "The account, in part users"),
    text("source", "The desktop whose settings these are"),
    integer("locks", "The session locks by itself and asks for the password"),
    integer("lock_after_seconds", "Idle time until the password is asked; NULL when it never is"),
    integer("asks_password", "A password is asked once the screen is blanked"),
    integer("grace_seconds", "Time between blanking and locking"),
    integer("enforced", "The administrator has set it so that the account cannot change it"),
    *COLLECTED,
)
"""One row a desktop in part machine, one an account and desktop in part users. No row without a
desktop. An account whose last session is on record has the row of that desktop alone."""

_SESSION_FOLDERS: Final = ("/usr/share/xsessions", "/usr/share/wayland-sessions")
_ACCOUNTS_SERVICE: Final = "/var/lib/AccountsService/users"
_SEALED_HOME: Final = "Access-Your-Private-Data.desktop"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_screen_lock",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="When sessions lock by themselves, for each account and desktop",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
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
    if not isinstance(answer, Lock):
        return not_collected(answer, **known)
    return collected(
        **known,
        locks=int(answer.locks),
        lock_after_seconds=answer.after_seconds,
        asks_password=int(answer.asks_password),
        grace_seconds=answer.grace_seconds,
        enforced=int(answer.enforced),
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
