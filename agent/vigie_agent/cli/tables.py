"""Rows as a plain text table: for a terminal, a mail or a support case."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_WIDEST_CELL: Final = 44


def table(
    columns: Sequence[str], rows: Sequence[Mapping[str, str]], *, indent: str = ""
) -> Iterator[str]:
    """The lines of a table. Control characters are made visible: rows come from anywhere."""
    cells = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[index]) for line in cells), 0)
        for index, column in enumerate(columns)
    ]
    for line in ([*columns], ["-" * width for width in widths], *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield (indent + "  ".join(padded)).rstrip()


def counted(count: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cell(value: str) -> str:
    shown = "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in value
    )
    return shown if len(shown) <= _WIDEST_CELL else shown[: _WIDEST_CELL - 1] + "…"
