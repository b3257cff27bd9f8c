"""The cells of a fact that a test writes down."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from vigie_server.domain.facts import FactRow


@dataclass(frozen=True, slots=True)
class WrittenCells:
    """Rows as they are given."""

    rows: tuple[FactRow, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def size(self) -> int:
        """As long as their text."""
        return len(self._text)

    @property
    def content(self) -> Hashable:
        """Their text."""
        return self._text

    @property
    def _text(self) -> str:
        rows = [sorted(row.items()) for row in self.rows]
        return repr((rows, sorted(self.unreadable.items())))
