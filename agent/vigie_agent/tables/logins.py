"""`last` and `logged_in_users`: the registers of logins, wtmp and utmp."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import PermissionNeeded, Table, TableRow
from vigie_agent.tables.account_state import has_wide_utmp
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.login_records import LoginRecord, read_utmp

LAST: Final = osquery_columns(
    "username, tty, pid INTEGER, type INTEGER, type_name, time INTEGER, host"
)
LOGGED_IN: Final = osquery_columns(
    "type, user, tty, host, time BIGINT, pid INTEGER, sid hidden, registry_hive hidden"
)
_LINUX: Final = frozenset({"linux"})
_MAX_BYTES: Final = 32 * 1024 * 1024
_LAST_TYPES: Final = {7: "user-process", 8: "dead-process"}
_TYPES: Final = {
    1: "runlevel",
    2: "boot_time",
    3: "new_time",
    4: "old_time",
    5: "init",
    6: "login",
    7: "user",
    8: "dead",
}


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module; empty where the system keeps neither file."""
    return (
        Table("last", LAST, lambda _request: _last(host), _LINUX),
        Table("logged_in_users", LOGGED_IN, lambda _request: _logged_in(host), _LINUX),
    )


def _last(host: Host) -> Iterator[TableRow]:
    for record in _records(host, "/var/log/wtmp"):
        if record.type in _LAST_TYPES:
            yield {
                "username": record.user,
                "tty": record.tty,
                "pid": record.pid,
                "type": record.type,
                "type_name": _LAST_TYPES[record.type],
                "time": record.time,
                "host": record.host,
            }


def _logged_in(host: Host) -> Iterator[TableRow]:
    for record in _records(host, "/run/utmp"):
        if record.type in _TYPES:
            yield {
                "type": _TYPES[record.type],
                "user": record.user,
                "tty": record.tty,
                "host": record.host,
                "time": record.time,
                "pid": record.pid,
            }


def _records(host: Host, path: str) -> tuple[LoginRecord, ...]:
    try:
        return read_utmp(host.read_bytes(path, max_bytes=_MAX_BYTES), wide=has_wide_utmp())
    except PermissionError as error:
        raise PermissionNeeded(f"{path}: run as root to read it") from error
    except OSError:
        return ()
