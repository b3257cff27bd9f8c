"""The cells of a fact that a test writes down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vigie_server.domain.facts import CellTexts, FactRow


@dataclass(frozen=True, slots=True)
class WrittenCells:
    """Rows as they are given."""

    rows: tuple[FactRow, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    notes: dict[object, object] = field(default_factory=dict, compare=False)

    def row(self, place: int) -> FactRow:
        """As given."""
        return self.rows[place]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def size(self) -> int:
        """As long as their text."""
        return len(self._text)

    def texts(self, column: str, places: Sequence[int]) -> Sequence[str] | None:
        """Where they all are."""
        found = [self.rows[place].get(column) for place in places]
        texts = [cell for cell in found if isinstance(cell, str)]
        return texts if len(texts) == len(found) else None

    def content(self, columns: tuple[str, ...] | None) -> CellTexts:
        """Texts as they are, and all else written as Python does."""
        names = sorted({name for row in self.rows for name in row} | self.unreadable.keys())
        return self.count, tuple(
            (name, (*[_text(row.get(name)) for row in self.rows], self.unreadable.get(name, "")))
            for name in names
            if columns is None or name in columns
        )

    @property
    def _text(self) -> str:
        return str(self.content(None))


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else repr(cell)
