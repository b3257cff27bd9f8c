"""Pages of a list whose filters live in its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import Request

from vigie_server.ports.pages import Position
from vigie_server.web.cursors import Kinds, cursor_of, place_of

CURSOR: Final = "cursor"
_BESIDE: Final = frozenset({CURSOR, "lang", "done"})


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a reader is in a list: its address without what is not a filter, and its place."""

    path: str
    filters: Sequence[tuple[str, str]]
    cursor: str | None

    @classmethod
    def of(cls, request: Request) -> "Walk":
        """The list that a request asks for; empty filters are none."""
        pairs = request.query_params.multi_items()
        filters = [(name, value) for name, value in pairs if name not in _BESIDE and value]
        return cls(quote(request.scope["path"]), filters, request.query_params.get(CURSOR) or None)

    def place(self, kinds: Kinds) -> Position | None:
        """Where the page begins. Raises CursorRefused."""
        return None if self.cursor is None else place_of(self._listing, kinds, self.cursor)

    def next(self, after: Position | None) -> str | None:
        """The address of the page that follows; None after the last one."""
        return None if after is None else self._with((CURSOR, cursor_of(self._listing, after)))

    @property
    def first(self) -> str | None:
        """The address of the first page; None where this is it."""
        return None if self.cursor is None else self._with()

    def sorted(self, order: str) -> str:
        """The address of the list in another order, from its first page."""
        kept = [pair for pair in self.filters if pair[0] != "sort"]
        return f"{self.path}?{urlencode([*kept, ('sort', order)])}"

    def _with(self, *more: tuple[str, str]) -> str:
        query = urlencode([*self.filters, *more])
        return f"{self.path}?{query}" if query else self.path

    @property
    def _listing(self) -> str:
        return f"{self.path}?{urlencode(sorted(self.filters))}"
