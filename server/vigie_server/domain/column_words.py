"""What the values of a column are called by people, where devices send words of their own.

A topic's declaration says it beside the column: `words`, a list of `value`, `fr` and `en`. A value
may hold one `{}`, which stands for a name and goes where the texts have it. A cell of several
values, separated by commas, is told value by value; what has no words is shown as it came.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.documents import Section, Texts

LANGUAGES: Final = ("fr", "en")
_PLACE: Final = "{}"
_BETWEEN: Final = ", "
_APART: Final = "\n"  # makes no separator of what cells end and begin with
_ANY: Final = "(.+)"


@dataclass(frozen=True, slots=True)
class ValueWords:
    """A value, or a form that values have, and what it is called.

    `value` is as it is written down.
    """

    form: str
    texts: Texts
    value: str

    @classmethod
    def of(cls, value: str, texts: Texts) -> "ValueWords":
        """Raises ValueError where a place is missing or there are several."""
        if any(text.count(_PLACE) != value.count(_PLACE) for text in texts.values()):
            raise ValueError("must have as many {} in `value` as in `fr` and `en`")
        if value.count(_PLACE) > 1:
            raise ValueError("may have one {}")
        return cls(_ANY.join(map(re.escape, value.split(_PLACE))), texts, value)


class ColumnWords:
    """The words of one column, tried in order."""

    __slots__ = ("_at", "_forms", "_whole", "values")

    def __init__(self, values: tuple[ValueWords, ...]) -> None:
        self.values: Final = values
        # All forms in one look: the first that matches the whole value is taken.
        self._forms: Final = re.compile("|".join(f"({words.form})" for words in values))
        self._at: Final[dict[int, ValueWords]] = {}
        group = 1
        for words in values:
            self._at[group] = words
            group += 1 + words.form.count(_ANY)
        wholes = frozenset(words.value for words in values)
        self._whole: Final = None if any(_PLACE in value for value in wholes) else wholes

    def tell_none(self, cells: Collection[str]) -> bool:
        """Whether it is seen at a glance that none of these cells has words."""
        whole = self._whole
        return whole is not None and whole.isdisjoint(cells) and _BETWEEN not in _APART.join(cells)

    def told(self, cell: str, language: str) -> str:
        """The cell in words."""
        texts = self.texts(cell)
        return cell if texts is None else texts[language]

    def texts(self, cell: str) -> Texts | None:
        """The cell in words, by language; None where it has none: it is shown as it came."""
        whole = self._told(cell)
        if whole is not None or _BETWEEN not in cell:
            return whole
        pieces = cell.split(_BETWEEN)
        told = [self._told(piece) for piece in pieces]
        if not any(told):
            return None
        return {
            language: _BETWEEN.join(
                piece if words is None else words[language]
                for piece, words in zip(pieces, told, strict=True)
            )
            for language in LANGUAGES
        }

    def _told(self, value: str) -> Texts | None:
        found = self._forms.fullmatch(value)
        if found is None:
            return None
        group = found.lastindex or 0
        words = self._at[group]
        if _ANY not in words.form:
            return words.texts
        name = found[group + 1]
        return {language: text.replace(_PLACE, name) for language, text in words.texts.items()}


def read_column_words(column: Section) -> ColumnWords | None:
    """The words of a column; None where it has none. Raises RulesMalformed."""
    values = []
    for section in column.sections("words"):
        texts = {language: section.line_of_text(language) for language in LANGUAGES}
        try:
            values.append(ValueWords.of(section.line_of_text("value"), texts))
        except ValueError as error:
            raise section.wrong(str(error), "value") from error
        section.close()
    return ColumnWords(tuple(values)) if values else None


def words_by_column(
    of_topics: Iterable[Mapping[str, ColumnWords]],
) -> Mapping[str, ColumnWords]:
    """Those of several topics together, for rows that may be of any of them."""
    found: dict[str, ColumnWords] = {}
    for of_topic in of_topics:
        for column, words in of_topic.items():
            known = found.get(column)
            found[column] = words if known is None else ColumnWords(known.values + words.values)
    return found
