"""The cells of a fact that a test writes down."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from vigie_server.domain.facts import FactRow


@dataclass(frozen=True, slots=True)
class WrittenCells:
    """Rows as they are given."""

    rows: tuple[FactRow, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    notes: dict[object, object] = field(default_factory=dict, compare=False)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def size(self) -> int:
        """As long as their text."""
        return len(self._text)

    def content(self, columns: tuple[str, ...] | None) -> Hashable:
        """Their text."""
        wanted = None if columns is None else frozenset(columns)
        rows = [_some(row, wanted) for row in self.rows]
        return repr((rows, _some(self.unreadable, wanted)))

    @property
    def _text(self) -> str:
        return str(self.content(None))


def _some(cells: Mapping[str, object], wanted: frozenset[str] | None) -> list[tuple[str, object]]:
    return sorted((name, c) for name, c in cells.items() if wanted is None or name in wanted)
