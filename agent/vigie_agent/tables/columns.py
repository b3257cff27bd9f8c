"""Short ways to declare a table's columns.

osquery's own tables are declared in one line of text, checked against its published schema; our
`vigie_*` tables say in words what each column holds, because `vigie-agent explain` shows it.
"""

from typing import Final

from vigie_agent.domain.table import Column, ColumnType, TableRow

_FLAGS: Final = frozenset({"hidden", "required", "index", "additional"})


def osquery_columns(declaration: str) -> tuple[Column, ...]:
    """Columns from `name [TYPE] [flags], ...`, the type being TEXT where none is given.

    >>> osquery_columns("path required, size BIGINT")[1].type
    <ColumnType.BIGINT: 'BIGINT'>
    """
    return tuple(_column(part.split()) for part in declaration.split(","))


def _column(words: list[str]) -> Column:
    name, *rest = words
    flags = {word for word in rest if word in _FLAGS}
    type_words = " ".join(word for word in rest if word not in flags)
    return Column(
        name,
        ColumnType(type_words) if type_words else ColumnType.TEXT,
        hidden="hidden" in flags,
        required="required" in flags,
        index="index" in flags,
        additional="additional" in flags,
    )


def text(name: str, about: str) -> Column:
    """A column of text."""
    return Column(name, ColumnType.TEXT, about)


def integer(name: str, about: str) -> Column:
    """A column of whole numbers; of yes and no as 1 and 0; NULL where it is not known."""
    return Column(name, ColumnType.INTEGER, about)


def unix_time(name: str, about: str) -> Column:
    """A column of UNIX seconds (UTC); NULL where it is not known."""
    return Column(name, ColumnType.BIGINT, about)


COLLECTED: Final = (
    text("collected", "yes, or no when this could not be read"),
    text("why", "what is missing and how to see it; empty when all was read"),
)
"""The two columns that every `vigie_*` table ends with."""


def not_collected(why: str, /, **known: str | int | None) -> TableRow:
    """The row that stands for what could not be read."""
    return {**known, "collected": "no", "why": why}


def collected(why: str = "", /, **values: str | int | None) -> TableRow:
    """A row of facts; `why` names what stays unknown in it, if anything."""
    return {**values, "collected": "yes", "why": why}
