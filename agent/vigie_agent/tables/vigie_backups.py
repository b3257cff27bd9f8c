"""vigie_backups: what backs this device up, where to, and when it last ended well."""

import platform
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vigie_agent.domain.table import Column, Request, Table, TableRow
from vigie_agent.tables.backup_facts import COLUMNS, Part
from vigie_agent.tables.backup_marker import marker_rows
from vigie_agent.tables.backup_repositories import (
    mac_repository_rows,
    repository_rows,
    windows_restic_rows,
)
from vigie_agent.tables.backup_schedules import schedule_rows
from vigie_agent.tables.backup_snapshots import snapshot_rows
from vigie_agent.tables.host import Host
from vigie_agent.tables.local_data import local_data_rows
from vigie_agent.tables.time_machine import local_snapshot_rows, time_machine_rows
from vigie_agent.tables.windows_backups import shadow_copy_rows, windows_repository_rows

Reader = Callable[[Host], Iterator[TableRow]]

_READERS: Final[Mapping[str, Mapping[Reader, frozenset[Part]]]] = {
    "linux": {
        schedule_rows: frozenset({Part.SCHEDULES, Part.SNAPSHOTS}),
        repository_rows: frozenset({Part.REPOSITORIES}),
        snapshot_rows: frozenset({Part.SNAPSHOTS}),
    },
    "darwin": {
        time_machine_rows: frozenset({Part.SCHEDULES, Part.REPOSITORIES}),
        mac_repository_rows: frozenset({Part.REPOSITORIES}),
        local_snapshot_rows: frozenset({Part.SNAPSHOTS}),
    },
    "windows": {
        windows_repository_rows: frozenset({Part.REPOSITORIES}),
        windows_restic_rows: frozenset({Part.REPOSITORIES}),
        lambda host: shadow_copy_rows(host.windows): frozenset({Part.SNAPSHOTS}),
    },
}
"""Which parts each reader may have rows of: only those that are asked for are read."""


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_backups",
            _columns(),
            lambda request: _rows(host, request, system or platform.system().lower()),
            description="What backs this device up, where to, and when it last ended well",
        ),
    )


def _columns() -> tuple[Column, ...]:
    part, *others = COLUMNS
    return (Column(part.name, part.type, part.description, index=True), *others)


def _rows(host: Host, request: Request, system: str) -> Iterator[TableRow]:
    wanted = set(request.equals("part")) or {part.value for part in Part}
    for read, parts in _READERS.get(system, {}).items():
        if wanted & {part.value for part in parts}:
            yield from (row for row in read(host) if row["part"] in wanted)
    if system not in _READERS:
        return
    if Part.MARKER in wanted:
        yield from marker_rows(host, system)
    if Part.LOCAL_DATA in wanted:
        yield from local_data_rows(host, system)
