"""`crontab`: the lines of the system's and the users' cron tables."""

import re
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns(
    "event, minute, hour, day_of_month, month, day_of_week, command, path, "
    "pid_with_namespace INTEGER hidden additional"
)
_FOLDERS: Final = ("/etc/cron.d", "/var/at/tabs", "/var/spool/cron", "/var/spool/cron/crontabs")
_VARIABLE: Final = re.compile(r"[\w\"']+\s*=")
_TIMES: Final = 5


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module. Other users' tables are readable by root only."""
    return (
        Table("crontab", COLUMNS, lambda _request: _rows(host), platforms=frozenset({"linux"})),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    for path in ["/etc/crontab", *_files(host)]:
        yield from read_crontab(host.text_or_empty(path), path)


def _files(host: Host) -> Iterator[str]:
    for folder in _FOLDERS:
        try:
            names = sorted(item.name for item in host.path(folder).iterdir())
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in names if not name.startswith("."))


def read_crontab(text: str, path: str) -> Iterator[TableRow]:
    """The jobs in a cron table; in the system's own the command begins with the user, as there."""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#") or _VARIABLE.match(line):
            continue
        times = 1 if line.startswith("@") else _TIMES
        words = line.split(maxsplit=times)
        if len(words) <= times:
            continue
        event = words[0] if times == 1 else ""
        minute, hour, day, month, weekday = words[:_TIMES] if times == _TIMES else [""] * _TIMES
        yield {
            "event": event,
            "minute": minute,
            "hour": hour,
            "day_of_month": day,
            "month": month,
            "day_of_week": weekday,
            "command": words[-1],
            "path": path,
            "pid_with_namespace": 0,
        }
