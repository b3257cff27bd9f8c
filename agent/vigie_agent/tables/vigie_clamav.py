"""vigie_clamav: ClamAV on this device, its daemons and its signatures (Linux)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.c_locale import MONTHS
from vigie_agent.tables.columns import COLLECTED, collected, integer, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.vigie_settings import read_family

COLUMNS: Final = (
    integer("active", "clamd runs"),
    integer("real_time", "clamonacc runs: files are scanned when opened"),
    integer("auto_update", "freshclam runs, or a timer or cron job starts it"),
    text("signatures_version", "Version of the daily set"),
    unix_time("signatures_time", "Build time of the daily set: daily.cvd or daily.cld, the newer"),
    text("main_version", "Version of the main set"),
    unix_time("main_time", "Build time of the main set"),
    text("detail", "The databases' folder, and what runs"),
    *COLLECTED,
)
"""One row when ClamAV is installed, none when it is not. `why` says when signatures are unknown."""

_PROGRAMS: Final = ("/usr/bin/clamscan", "/usr/sbin/clamd", "/usr/bin/freshclam")
_FOLDER: Final = "/var/lib/clamav"
_HEADER_BYTES: Final = 512
_UPDATERS: Final = (
    "/etc/cron.d/clamav-freshclam",
    "/etc/cron.d/clamav-update",
    "/etc/systemd/system/timers.target.wants/clamav-freshclam-once.timer",
    "/etc/systemd/system/timers.target.wants/freshclam.timer",
)
_TIME: Final = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2})-(\d{2}) ([+-]\d{4})")
_SHORTEST: Final = 3


class Signatures(NamedTuple):
    """A set of signatures: its version and the UNIX time it was built."""

    version: str
    built: int


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_clamav",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="ClamAV: what runs, and when its signatures were built",
        ),
    )


def read_header(header: bytes) -> Signatures | None:
    """What the first bytes of a .cvd or .cld say; None when they are not a set's.

    `ClamAV-VDB:09 Nov 2026 04-30 -0500:27456:...:1794216600`: the last field is the build time
    in UNIX seconds; old sets lack it, and the date at the beginning stands in.
    """
    fields = header[:_HEADER_BYTES].decode("ascii", "replace").rstrip(" \0\n").split(":")
    if fields[0] != "ClamAV-VDB" or len(fields) < _SHORTEST:
        return None
    written = fields[-1].strip()
    built = int(written) if written.isdecimal() and len(fields) > 8 else _built(fields[1])  # noqa: PLR2004 (the ninth field is the time)
    return None if built is None else Signatures(fields[2].strip(), built)


def _built(date: str) -> int | None:
    parts = _TIME.fullmatch(date.strip())
    if parts is None or parts[2] not in MONTHS:
        return None
    day, month, year, hour, minute, offset = parts.groups()
    iso = f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}T{hour}:{minute}:00{offset}"
    try:
        return int(datetime.fromisoformat(iso).astimezone(UTC).timestamp())
    except ValueError:
        return None


def _rows(host: Host) -> Iterator[TableRow]:
    folder = read_family(host, "freshclam").value("DatabaseDirectory") or _FOLDER
    daily, main = _newest(host, folder, "daily"), _newest(host, folder, "main")
    if not (daily or main or any(is_there(host, path) for path in _PROGRAMS)):
        return
    running = running_programs(host) & {"clamd", "clamonacc", "freshclam"}
    updates = "freshclam" in running or any(is_there(host, path) for path in _UPDATERS)
    yield collected(
        "" if daily else f"no readable daily.cvd or daily.cld in {folder}",
        active=int("clamd" in running),
        real_time=int("clamonacc" in running),
        auto_update=int(updates),
        signatures_version=daily.version if daily else None,
        signatures_time=daily.built if daily else None,
        main_version=main.version if main else None,
        main_time=main.built if main else None,
        detail=f"{folder}; running: {', '.join(sorted(running)) or 'nothing'}",
    )


def _newest(host: Host, folder: str, name: str) -> Signatures | None:
    found = [_header_of(host, f"{folder}/{name}.{suffix}") for suffix in ("cvd", "cld")]
    return max((one for one in found if one), key=lambda one: one.built, default=None)


def _header_of(host: Host, path: str) -> Signatures | None:
    try:
        with host.path(path).open("rb") as file:
            return read_header(file.read(_HEADER_BYTES))
    except OSError:
        return None
