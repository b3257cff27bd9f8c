"""The site's own marker: a file that a backup writes when it has ended well.

For what leaves no trace that is known here: a script, a program of the site, a server that fetches
the backup. An empty file says it by its own time. One with text may say more, a line each:

    time=2026-11-20T02:15:00+01:00     (or UNIX seconds; a first line without `time=` is the same)
    name=nightly copy to the NAS
    destination=network                (internal, external, disk, network or cloud)
    encrypted=yes

Only an administrator may be able to write it: what anyone may claim is no evidence.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import Kind, Part
from vigie_agent.tables.backup_places import KINDS
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host

MARKERS: Final = {
    "linux": "/var/lib/vigie/last-backup",
    "darwin": "/Library/Application Support/Vigie/last-backup",
    "windows": "C:/ProgramData/Vigie/last-backup",
}
_MAX_BYTES: Final = 4096
_MAX_NAME: Final = 80
_LATEST: Final = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker says of itself; `time` is None where it leaves that to the file's own."""

    time: int | None = None
    name: str = ""
    destination: str = ""
    encrypted: int | None = None


def read_marker(text: str) -> Marker | None:
    """What the text of a marker says; None when its time cannot be understood."""
    said = dict[str, str]()
    for n, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        key, equals, value = line.partition("=")
        if equals:
            said[key.strip().lower()] = value.strip()
        elif n == 0:
            said["time"] = line
    time = _time(said["time"]) if said.get("time") else None
    if time is None and said.get("time"):
        return None
    destination = said.get("destination", "").lower()
    return Marker(
        time,
        said.get("name", "")[:_MAX_NAME],
        destination if destination in KINDS else "",
        {"yes": 1, "1": 1, "true": 1, "no": 0, "0": 0, "false": 0}.get(
            said.get("encrypted", "").lower()
        ),
    )


def marker_rows(host: Host, system: str) -> Iterator[TableRow]:
    """One row when there is a marker."""
    path, part = MARKERS[system], Part.MARKER.value
    try:
        found = host.path(path).stat()
        text = host.read_bytes(path, max_bytes=_MAX_BYTES).decode("utf-8-sig", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield not_collected(f"the marker file: {reason(error)}", part=part)
        return
    if system != "windows" and not _is_administrators(found):
        yield not_collected("the marker file may be written by others than root", part=part)
        return
    said = read_marker(text)
    if said is None:
        yield not_collected("the time in the marker file could not be understood", part=part)
        return
    yield collected(
        part=part,
        mechanism=said.name or "marker file",
        kind=Kind.BACKUP.value,
        account="",
        identifier="",
        destination=said.destination,
        encrypted=said.encrypted,
        last_success_time=int(found.st_mtime) if said.time is None else said.time,
        time_source="time of the marker file" if said.time is None else "marker file",
    )


def _is_administrators(found: os.stat_result) -> bool:
    ours = {0, os.geteuid()} if hasattr(os, "geteuid") else {0}
    return found.st_uid in ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _time(written: str) -> int | None:
    """UNIX seconds; of a moment without a zone nobody can tell when it was."""
    if written.isdecimal():
        return int(written) if int(written) <= _LATEST else None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo else None
