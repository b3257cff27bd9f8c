"""vigie_sessions: who has a session open, and whether with administration rights (Linux)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.account_state import has_wide_utmp, read_accounts
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.host import Host
from vigie_agent.tables.login_records import USER_PROCESS, read_utmp

COLUMNS: Final = (
    text("username", "Account with an open session"),
    text("uid", "Its number, empty when it is not a local account"),
    integer("remote", "Every one of its sessions comes from another machine"),
    integer("is_admin", "The account has administration rights; NULL when not known"),
    text("admin_via", "What gives them"),
    *COLLECTED,
)
"""One row an account with at least one open session; no row when there is none. utmp and
systemd-logind are asked both: recent systems have no utmp, containers no logind."""

_OF_A_DIRECTORY: Final = "an account of a directory: what its groups give is known there alone"
_UTMP: Final = "/run/utmp"
_SESSIONS: Final = "/run/systemd/sessions"


class Session(NamedTuple):
    """One open session of a person."""

    user: str
    remote: bool


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_sessions",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Accounts with an open session and their rights",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    registers = [found for found in (_of_utmp(host), _of_logind(host)) if found is not None]
    if not registers:
        yield not_collected("this device keeps no register of open sessions that could be read")
        return
    accounts = read_accounts(host)
    uids = {user.name: str(user.uid) for user in accounts.users}
    sessions = [session for found in registers for session in found]
    for name in sorted({session.user for session in sessions}):
        yield collected(
            accounts.no_sudoers or ("" if name in uids else _OF_A_DIRECTORY),
            username=name,
            uid=uids.get(name),
            remote=int(all(session.remote for session in sessions if session.user == name)),
            is_admin=accounts.is_admin(name) if name in uids else None,
            admin_via=", ".join(accounts.admin_via.get(name, ())),
        )


def _of_utmp(host: Host) -> list[Session] | None:
    try:
        records = read_utmp(host.read_bytes(_UTMP), wide=has_wide_utmp())
    except OSError:
        return None
    return [
        Session(record.user, remote=bool(record.host) and not record.host.startswith(":"))
        for record in records
        if record.type == USER_PROCESS and record.user
    ]


def _of_logind(host: Host) -> list[Session] | None:
    try:
        names = sorted(item.name for item in host.path(_SESSIONS).iterdir())
    except OSError:
        return None
    texts = (host.text_or_empty(f"{_SESSIONS}/{name}") for name in names if "." not in name)
    return [session for text_ in texts if (session := read_logind_session(text_))]


def read_logind_session(content: str) -> Session | None:
    """The session that a file of /run/systemd/sessions describes; None for a service's or none."""
    said = {line.key: line.value for line in config_lines(content, Grammar.SHELL)}
    if said.get("CLASS") != "user" or said.get("STATE") == "closing" or not said.get("USER"):
        return None
    return Session(said["USER"], remote=said.get("REMOTE") == "1")
