"""What verdicts say of rows that hold texts, put into words when somebody reads it.

Of a device that sends much at once, as one that was away for days does, most verdicts are replaced
before they are written. Any thread may be the one that reads: what is made here is made of what
never changes, and whoever makes it a second time makes the same.
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Cells
from vigie_server.domain.statements import Rows, Sentence, ShownTexts


class RowsLater:
    """Rows that sentences name: the texts that are shown of them, and later their words."""

    __slots__ = ("_count", "_shown_as", "_told", "texts")

    def __init__(self, shown_as: Rows, count: int, texts: ShownTexts) -> None:
        self._shown_as: Final = shown_as
        self._count: Final = count
        self._told: Texts | None = None
        self.texts: Final = texts

    def told(self) -> Texts:
        """Their words."""
        told = self._told
        if told is None:
            told = self._told = self._shown_as.of_texts(self._count, self.texts)
        return told


class SaidLater(Mapping[str, str]):
    """A sentence by language about such rows."""

    __slots__ = ("_rows", "_said", "_sentence")

    def __init__(self, sentence: Sentence, rows: RowsLater) -> None:
        self._sentence: Final = sentence
        self._rows: Final = rows
        self._said: Texts | None = None

    def __getitem__(self, language: str) -> str:
        return self._in_words()[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._in_words())

    def __len__(self) -> int:
        return len(self._in_words())

    def keys(self) -> KeysView[str]:  # the Mapping's are put together, and look each up again
        return self._in_words().keys()

    def items(self) -> ItemsView[str, str]:
        return self._in_words().items()

    def __eq__(self, other: object) -> bool:
        """Of one sentence the texts tell, and nothing is put into words."""
        if type(other) is SaidLater and other._sentence is self._sentence:
            return self._rows is other._rows or self._rows.texts == other._rows.texts
        return Mapping.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment] # as any mapping

    def _in_words(self) -> Texts:
        said = self._said
        if said is None:
            said = self._said = self._sentence.around(self._rows.told())
        return said


def rows_named(
    shown_as: Rows, count: int, cells: Cells, places: Sequence[int]
) -> Texts | RowsLater:
    """The rows of an answer in these places, which are named of `count`."""
    texts = shown_as.texts(cells, places)
    if texts is None:
        return shown_as.told(count, shown_as.cells([cells.row(place) for place in places]))
    return RowsLater(shown_as, count, texts)


def said_of(sentence: Sentence, rows: Texts | RowsLater | None) -> Texts:
    """What the sentence says of these rows; None where it shows none."""
    return SaidLater(sentence, rows) if isinstance(rows, RowsLater) else sentence.around(rows)
