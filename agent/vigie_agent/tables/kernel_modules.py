"""`kernel_modules`: the modules that the kernel has loaded."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns("name, size BIGINT, used_by, status, address")
_FIELDS: Final = 6


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "kernel_modules",
            COLUMNS,
            lambda _request: read_modules(host.text_or_empty("/proc/modules")),
            platforms=frozenset({"linux"}),
        ),
    )


def read_modules(text: str) -> Iterator[TableRow]:
    """The rows in the text of /proc/modules; odd lines are left out."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= _FIELDS and fields[1].isdecimal():
            name, size, _, used_by, status, address = fields[:_FIELDS]
            yield {
                "name": name,
                "size": int(size),
                "used_by": used_by.rstrip(",") or "-",
                "status": status,
                "address": address,
            }
