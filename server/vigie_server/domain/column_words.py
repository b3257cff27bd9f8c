"""What the values of a column are called by people, where devices send words of their own.

A topic's declaration says it beside the column: `words`, a list of `value`, `fr` and `en`. A value
may hold one `{}`, which stands for a name and goes where the texts have it. A cell of several
values, separated by commas, is told value by value; what has no words is shown as it came.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.documents import Section, Texts

LANGUAGES: Final = ("fr", "en")
_PLACE: Final = "{}"
_BETWEEN: Final = ", "


@dataclass(frozen=True, slots=True)
class ValueWords:
    """A value, or a form that values have, and what it is called."""

    form: re.Pattern[str]
    texts: Texts

    @classmethod
    def of(cls, value: str, texts: Texts) -> "ValueWords":
        """Raises ValueError where a place is missing or there are several."""
        if any(text.count(_PLACE) != value.count(_PLACE) for text in texts.values()):
            raise ValueError("must have as many {} in `value` as in `fr` and `en`")
        if value.count(_PLACE) > 1:
            raise ValueError("may have one {}")
        return cls(re.compile("(.+)".join(map(re.escape, value.split(_PLACE)))), texts)

    def told(self, value: str, language: str) -> str | None:
        """What the value is called; None where it is another one."""
        found = self.form.fullmatch(value)
        if found is None:
            return None
        return self.texts[language].replace(_PLACE, "".join(found.groups()))


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """The words of one column, tried in order."""

    values: tuple[ValueWords, ...]

    def told(self, cell: str, language: str) -> str:
        """The cell in words."""
        whole = self._told(cell, language)
        if whole is not None:
            return whole
        pieces = cell.split(_BETWEEN)
        return _BETWEEN.join(self._told(piece, language) or piece for piece in pieces)

    def _told(self, value: str, language: str) -> str | None:
        return next(
            (told for words in self.values if (told := words.told(value, language)) is not None),
            None,
        )


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
