"""`time`, `uptime`: the device's clock, and how long it has been running."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

TIME: Final = osquery_columns(
    "weekday, year INTEGER, month INTEGER, day INTEGER, hour INTEGER, minutes INTEGER, "
    "seconds INTEGER, timezone, local_timezone, unix_time INTEGER, timestamp, datetime, "
    "iso_8601, win_timestamp BIGINT hidden, date_time hidden"
)
UPTIME: Final = osquery_columns(
    "days INTEGER, hours INTEGER, minutes INTEGER, seconds INTEGER, total_seconds BIGINT"
)
# Not strftime: its names depend on the locale.
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def tables(host: Host, now: Callable[[], datetime] = utc_now) -> tuple[Table, ...]:
    return (
        Table("time", TIME, lambda _request: _time(now())),
        Table("uptime", UPTIME, lambda _request: _uptime(host), platforms=frozenset({"linux"})),
    )


def _time(now: datetime) -> Iterable[TableRow]:
    iso_8601 = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    yield {
        "weekday": _WEEKDAYS[now.weekday()],
        "year": now.year,
        "month": now.month,
        "day": now.day,
        "hour": now.hour,
        "minutes": now.minute,
        "seconds": now.second,
        "timezone": "UTC",
        "local_timezone": time.localtime(now.timestamp()).tm_zone,
        "unix_time": int(now.timestamp()),
        "timestamp": f"{now.ctime()} UTC",
        "datetime": iso_8601,
        "iso_8601": iso_8601,
        "date_time": iso_8601,
    }


def _uptime(host: Host) -> Iterable[TableRow]:
    text = host.text_or_empty("/proc/uptime").split()
    if not text:
        return
    total = int(float(text[0]))
    yield {
        "days": total // 86_400,
        "hours": total // 3_600 % 24,
        "minutes": total // 60 % 60,
        "seconds": total % 60,
        "total_seconds": total,
    }
