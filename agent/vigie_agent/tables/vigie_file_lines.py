"""vigie_file_lines: the lines of configuration files, of a literal list only (Linux).

osquery has no table of a file's lines. This one reads nothing but what the list of
`allowed_files.py` names, and hides what could be a secret in it.
"""

from typing import Final

from vigie_agent.domain.table import Column, ColumnType
from vigie_agent.tables.columns import COLLECTED, integer, text

COLUMNS: Final = (
    Column("path", ColumnType.TEXT, "The file, of the allowed list", required=True, index=True),
    integer("n", "Line number from 1"),
    text("section", "The [section] above the line, empty when there is none"),
    text("line", "The line without its comment and outer blanks; empty lines have no row"),
    text("key", "What stands before `=` or the first blank"),
    text("value", "What stands after it"),
    *COLLECTED,
)
