"""What a table is: a name, typed columns, and a function from constraints to rows.

The same object is hosted by the embedded engine (a SQLite virtual table) and by an osqueryd of
ours (an osquery extension), so that a table is written once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

OSQUERY_SCHEMA = "5.23.1"
"""The osquery release whose tables, columns and rules ours follow."""

ALL_PLATFORMS = frozenset({"linux", "darwin", "windows"})

Value = str | int | float | None
"""A cell as a table gives it; over the wire every value is text and NULL is the empty string."""

TableRow = Mapping[str, Value]
"""A row by column name; a column that is left out is NULL, or empty if its type is TEXT."""


class ColumnType(StrEnum):
    """Column types as osquery's `getQueryColumns` names them."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    UNSIGNED_BIGINT = "UNSIGNED BIGINT"
    DOUBLE = "DOUBLE"


class Operator(IntEnum):
    """Constraint operators with SQLite's numbers, as osquery passes them to extensions."""

    EQUALS = 2
    GREATER_THAN = 4
    LESS_THAN_OR_EQUALS = 8
    LESS_THAN = 16
    GREATER_THAN_OR_EQUALS = 32
    MATCH = 64
    LIKE = 65
    GLOB = 66
    REGEXP = 67


class Constraint(NamedTuple):
    """One condition on a column, e.g. `path LIKE '/etc/%'`."""

    operator: int
    expression: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, with osquery's flags.

    `required`: without a constraint on one of the table's required columns the query is an error.
    `index` and `additional`: a constraint on it narrows what the table generates.
    `hidden`: left out of `SELECT *`.
    """

    name: str
    type: ColumnType = ColumnType.TEXT
    description: str = ""
    hidden: bool = False
    required: bool = False
    index: bool = False
    additional: bool = False


def _unhurried() -> None:
    """There is no deadline."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one scan of a table is asked: constraints by column, and the columns that are read.

    Only constraints on `required`, `index` and `additional` columns are sure to arrive; a host
    may keep the others to itself, and checks all of them again on the rows. Empty values never
    arrive. Equality with an integer column arrives in plain decimal.

    `check_time` raises when the query's time is up. Hosts call it between rows; a table calls it
    in whatever takes long without giving a row (a deep walk, the digest of a large file).
    """

    constraints: Mapping[str, tuple[Constraint, ...]] = field(default_factory=dict)
    columns_used: frozenset[str] | None = None
    check_time: Callable[[], None] = field(default=_unhurried, compare=False)

    def equals(self, column: str) -> tuple[str, ...]:
        """The values that `column` must equal, each once; empty when equality does not bind it."""
        return self._expressions(column, Operator.EQUALS)

    def likes(self, column: str) -> tuple[str, ...]:
        """The LIKE patterns on `column`."""
        return self._expressions(column, Operator.LIKE)

    def uses(self, column: str) -> bool:
        """Whether the query reads `column`; True when the host cannot tell."""
        return self.columns_used is None or column in self.columns_used

    def _expressions(self, column: str, operator: Operator) -> tuple[str, ...]:
        # Once each: a join on a column that is also compared with a literal gives the same twice.
        return tuple(
            dict.fromkeys(
                constraint.expression
                for constraint in self.constraints.get(column, ())
                if constraint.operator == operator
            )
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A virtual table about this device. `generate` may block; it never raises on odd data."""

    name: str
    columns: tuple[Column, ...]
    generate: Callable[[Request], Iterable[TableRow]]
    platforms: frozenset[str] = ALL_PLATFORMS
    description: str = ""
    aliases: tuple[str, ...] = ()


class TableError(Exception):
    """A table could not be read at all; the text becomes the query's error message."""


class PermissionNeeded(TableError):
    """The table needs rights that this process lacks."""


class LibraryMissing(TableError):
    """The table needs a system library that this machine lacks."""
