"""Values on their way: from a table's cell into SQLite, and from SQLite into an answer's text."""

import re
from typing import Final

from vigie_agent.domain.table import ColumnType, Value

SqlValue = str | int | float | None

_DECIMAL: Final = re.compile(r"[+-]?[0-9]+")
_ONLY_DIGITS: Final = re.compile(r"-?[0-9]+")
_INTEGERS: Final = frozenset(
    {ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.UNSIGNED_BIGINT},
)
_MIN_INT64, _MAX_INT64, _MAX_UINT64 = -(2**63), 2**63 - 1, 2**64 - 1


def cell(value: Value, type_: ColumnType) -> SqlValue:
    """What SQLite gets for a table's value: of the column's own type, or NULL.

    As under osquery: a text that is missing is empty, a number that is missing or that its column
    cannot hold is NULL. An unsigned number above 2^63 wraps: SQLite's integers are signed.
    """
    if value is None:
        return "" if type_ is ColumnType.TEXT else None
    if type_ in _INTEGERS:
        return _integer(value)
    if type_ is ColumnType.DOUBLE:
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, str) and value.isascii() else _clean(str(value))


def decimal(expression: str) -> str:
    """An integer as a table expects it (`7`), whatever was written (`007`, `+7`, `7.0`)."""
    number = _integer(expression)
    if number is None:
        number = _integer(expression.removesuffix(".0"))
    return expression if number is None else str(number)


def is_integer(type_: ColumnType) -> bool:
    """Whether the column holds whole numbers."""
    return type_ in _INTEGERS


def answer_text(value: object) -> str:
    """A result's value in the form osqueryd gives: text, NULL empty, reals with 15 digits."""
    match value:
        case None:
            return ""
        case str():
            return value.partition("\0")[0]
        case bytes():
            return value.decode("utf-8", "replace").partition("\0")[0]
        case float():
            text = f"{value:.15g}"
            return f"{text}.0" if _ONLY_DIGITS.fullmatch(text) else text
        case _:
            return str(value)


def _integer(value: str | float) -> int | None:
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value.strip()):
            return None
        value = int(value)
    try:
        number = int(value)
    except (OverflowError, ValueError):  # infinity, not a number
        return None
    if _MIN_INT64 <= number <= _MAX_INT64:
        return number
    return number - 2**64 if 0 < number <= _MAX_UINT64 else None


def _clean(text: str) -> str:
    """Text that SQLite takes: a file name that is not UTF-8 shows U+FFFD for its odd bytes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
