"""A digest of a table's rows that is the same in both databases and in any order of the rows.

The sum of a BLAKE2b-128 of each row: what is missing, doubled or altered on the way shows.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Table

_BYTES: Final = 16
_MODULUS: Final = 1 << 8 * _BYTES

Row = Sequence[Any]


class TableDigest:
    """Counts and digests rows whose values come in the order of the table's columns."""

    def __init__(self, table: Table) -> None:
        # SQLite keeps a truth as 0 or 1, and a whole number where a column is of fractions.
        kinds: dict[type, Callable[[Any], Any]] = {bool: bool, float: float}
        self._alike: Final = [
            (place, kinds[column.type.python_type])
            for place, column in enumerate(table.columns)
            if column.type.python_type in kinds
        ]
        self._sum = 0
        self.rows = 0

    def add(self, row: Row) -> None:
        """Takes in one row."""
        if self._alike:
            row = list(row)
            for place, kind in self._alike:
                if row[place] is not None:
                    row[place] = kind(row[place])
        form = repr(tuple(row)).encode("utf-8", "surrogatepass")
        found = blake2b(form, digest_size=_BYTES).digest()
        self._sum = (self._sum + int.from_bytes(found, "big")) % _MODULUS
        self.rows += 1

    @property
    def hexadecimal(self) -> str:
        return self._sum.to_bytes(_BYTES, "big").hex()
