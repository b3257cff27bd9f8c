"""What a device reported on one topic, converted once from text by the topic's declaration."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from vigie_server.domain.made_often import made_often

CellTexts = tuple[int, tuple[tuple[str, tuple[str, ...]], ...]]
"""How many rows there are, and by column the text of each."""

Cell = str | int | float | bool | None
"""A converted value: None where the device gave no value (`""` in a column that is not text)."""

FactRow = Mapping[str, Cell]


class Cells(Protocol):
    """The values of an answer. Converting them waits until somebody looks."""

    @property
    def rows(self) -> tuple[FactRow, ...]:
        """The rows, by column."""
        ...

    def row(self, place: int) -> FactRow:
        """The one of `rows` in that place. Converts no other, and nothing that is not looked at."""
        ...

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Columns that hold text where the topic declares a number, with an example."""
        ...

    @property
    def count(self) -> int:
        """How many rows there are; converts nothing."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes the values take in memory as text; converts nothing."""
        ...

    @property
    def notes(self) -> dict[object, object]:
        """Room for what is found out of these cells once; it goes when they do."""
        ...

    def texts(self, column: str, places: Sequence[int]) -> Sequence[str] | None:
        """What `rows` show in these places in a column of texts. Converts nothing.

        None where the column holds no texts, or the answer no such column.
        """
        ...

    def content(self, columns: tuple[str, ...] | None) -> CellTexts:
        """The values that `rows` shows in these columns (None: in all) as text, to compare.

        Converts nothing. Equal: equal cells in the same order, as readable or not. A column of
        texts holds what `rows` shows.
        """
        ...


@made_often
class Fact:
    """The newest committed snapshot of one topic of one device.

    `status` is the lower-case name of `vigie.v1.SnapshotStatus` without its prefix. `columns` are
    those of `cells` that travelled. A rule that reads an unreadable column is UNKNOWN.
    `observed_at` is the server's estimate of when the rows were true, never the device's clock.
    """

    topic: str
    topic_version: int
    status: str
    message: str
    columns: frozenset[str]
    cells: Cells
    observed_at: datetime

    def at(self, observed_at: datetime) -> "Fact":
        """The same answer, true at another time."""
        return Fact(
            self.topic,
            self.topic_version,
            self.status,
            self.message,
            self.columns,
            self.cells,
            observed_at,
        )

    @property
    def rows(self) -> tuple[FactRow, ...]:
        """The rows, by column."""
        return self.cells.rows

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Columns that hold text where the topic declares a number, with an example."""
        return self.cells.unreadable
