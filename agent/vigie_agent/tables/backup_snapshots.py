"""Snapshots that Linux makes of its own disk: snapper, Timeshift. No backup: lost with the disk."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import DAY, Kind, Part
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host

_SNAPPER: Final = "/etc/snapper/configs"
_TIMESHIFT: Final = "/etc/timeshift/timeshift.json"
_TIMESHIFT_FOLDERS: Final = ("/timeshift/snapshots", "/run/timeshift/backup/timeshift/snapshots")
_DATE: Final = re.compile(r"<date>\s*(\d{4}-\d\d-\d\d)[ T]")
_NAMED: Final = re.compile(r"(\d{4}-\d\d-\d\d)_\d\d-\d\d-\d\d")
_MAX_BYTES: Final = 65_536


def snapshot_rows(host: Host) -> Iterator[TableRow]:
    """One row for each set of snapshots, with the day of the newest one."""
    for name in _names(host, _SNAPPER):
        text = host.text_or_empty(f"{_SNAPPER}/{name}", max_bytes=_MAX_BYTES)
        settings = {line.key: line.value for line in config_lines(text, Grammar.SHELL)}
        folder = settings.get("SUBVOLUME", "").rstrip("/") + "/.snapshots"
        scheduled = int(settings.get("TIMELINE_CREATE", "no").lower() == "yes")
        yield _snapper(host, name, folder, scheduled)
    yield from _timeshift(host)


def day_of(date: str) -> int | None:
    """UNIX seconds of the beginning of a day written 2026-11-20."""
    try:
        return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) // DAY * DAY
    except ValueError:
        return None


def _snapper(host: Host, name: str, folder: str, scheduled: int) -> TableRow:
    try:
        numbers = [int(i.name) for i in host.path(folder).iterdir() if i.name.isdecimal()]
    except PermissionError as error:
        return not_collected(
            f"the folder of snapper: {reason(error)}",
            part=Part.SNAPSHOTS.value,
            mechanism="snapper",
        )
    except OSError:
        numbers = []
    text = host.text_or_empty(f"{folder}/{max(numbers)}/info.xml") if numbers else ""
    found = _DATE.search(text)
    return _row("snapper", name, scheduled, day_of(found[1]) if found else None)


def _timeshift(host: Host) -> Iterator[TableRow]:
    try:
        settings = json.loads(host.read_text(_TIMESHIFT, max_bytes=_MAX_BYTES))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError):
        yield not_collected(
            "the settings of Timeshift could not be read",
            part=Part.SNAPSHOTS.value,
            mechanism="timeshift",
        )
        return
    if not isinstance(settings, dict) or not settings.get("backup_device_uuid"):
        return  # installed, and never set up
    scheduled = any(
        str(value).lower() == "true"
        for key, value in settings.items()
        if str(key).startswith("schedule_")
    )
    names = [found for folder in _TIMESHIFT_FOLDERS for found in _names(host, folder)]
    days = [day_of(found[1]) for name in names if (found := _NAMED.fullmatch(name))]
    newest = max((day for day in days if day), default=None)
    yield _row("timeshift", "", int(scheduled), newest)


def _row(mechanism: str, identifier: str, scheduled: int, day: int | None) -> TableRow:
    return collected(
        part=Part.SNAPSHOTS.value,
        mechanism=mechanism,
        kind=Kind.SNAPSHOT.value,
        account="",
        identifier=identifier,
        scheduled=scheduled,
        last_success_time=day,
        time_source="" if day is None else "newest snapshot",
    )


def _names(host: Host, folder: str) -> list[str]:
    try:
        return sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []
