"""vigie_file_lines: the lines of configuration files, of a literal list only (Linux).

osquery has no table of a file's lines. This one reads nothing but what the list of
`allowed_files.py` names, and hides what could be a secret in it.
"""

import re
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Column, ColumnType, Request, Table, TableRow
from vigie_agent.tables.allowed_files import allowed, present_files, read_allowed
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host

COLUMNS: Final = (
    Column("path", ColumnType.TEXT, "The file, of the allowed list", required=True, index=True),
    integer("n", "Line number from 1"),
    text("section", "The [section] above the line, empty when there is none"),
    text("line", "The line without its comment and outer blanks; empty lines have no row"),
    text("key", "What stands before `=` or the first blank"),
    text("value", "What stands after it"),
    *COLLECTED,
)
"""No row for a file that is not there (a fact) or that says nothing; one row of `collected` = no
for a file that cannot be read, or that is asked for by name and is not in the list."""

_MAX_LINES: Final = 5000
_MAX_LINE: Final = 1000


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_file_lines",
            COLUMNS,
            lambda request: _rows(host, request),
            platforms=frozenset({"linux"}),
            description="Lines of configuration files of a literal list, without secrets",
        ),
    )


def _rows(host: Host, request: Request) -> Iterator[TableRow]:
    named = request.equals("path")
    for path in dict.fromkeys(named):
        if allowed(path) is None:
            yield not_collected("not in the allow-list", path=path)
    patterns = request.likes("path")
    for path in dict.fromkeys(present_files(host)):
        if path in named or any(is_like(path, pattern) for pattern in patterns):
            yield from _file_rows(host, path)


def _file_rows(host: Host, path: str) -> Iterator[TableRow]:
    try:
        lines = read_allowed(host, path)
    except FileNotFoundError:  # gone since it was listed, or a link to nothing
        return
    except OSError as error:
        yield not_collected(error.strerror or str(error), path=path)
        return
    for line in lines[:_MAX_LINES]:
        yield collected(
            path=path,
            n=line.n,
            section=line.section,
            line=line.line[:_MAX_LINE],
            key=line.key[:_MAX_LINE],
            value=line.value[:_MAX_LINE],
        )
    if len(lines) > _MAX_LINES:
        yield not_collected(f"lines after the first {_MAX_LINES} are left out", path=path)


def is_like(path: str, pattern: str) -> bool:
    """SQLite's LIKE: `%` any text, `_` one character, letters of either case."""
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), path, re.IGNORECASE | re.DOTALL) is not None
