"""Sentences about a verdict, in French and English, from the templates of rules.

A template is text with `{name}` or `{name:form}`; nothing else of Python's formatting is taken, so
that a rule file can name values and do nothing more. Forms: `date` (UNIX seconds to a day) and
`days` (seconds to whole days), and words that follow a number (`domain/plurals.py`):
`{count:compte|comptes}` is `2 comptes`, `{count:|a|ont}` is `ont`. Device text is data: control
characters become spaces and long values are cut.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import is_
from string import Formatter
from typing import Final
from weakref import WeakValueDictionary

from vigie_server.domain.column_words import ColumnWords
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Cells, FactRow
from vigie_server.domain.plurals import WORDS, counted
from vigie_server.domain.suggesting import meant

LANGUAGES: Final = ("fr", "en")
ROWS_NAMED: Final = 5
STATEMENTS_KEPT: Final = 256
COUNTS_KEPT: Final = 512
"""Numbers of rows beside those that are named, whose words are kept."""
MAX_VALUE: Final = 80

_DAY: Final = 86_400
_DATE: Final = {"fr": "%d/%m/%Y", "en": "%Y-%m-%d"}
_NOTHING: Final = "?"
_YES: Final = {"fr": "oui", "en": "yes"}
_NO: Final = {"fr": "non", "en": "no"}
_NO_DATE: Final = {"fr": "date inconnue", "en": "date unknown"}
_NONE: Final = {"fr": "aucun", "en": "none"}
_ROWS, _COUNT = "rows", "count"
_MORE: Final = {"fr": "… et {count} de plus", "en": "… and {count} more"}
_BY_THE_DAY: Final = frozenset({"date", "days"})
_FORMS: Final = _BY_THE_DAY | {""}


def _meant(name: str, names: Collection[str]) -> str:
    """What was probably meant, or else what there is."""
    told = ", ".join(f"{{{known}}}" for known in sorted(names)) or "nothing"
    return meant(name, names) or f" (it knows {told})"


class TemplateMalformed(ValueError):
    """The text is not a template over the names it may use."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence in one language with places for values."""

    language: str
    segments: tuple[tuple[str, str, str], ...]  # literal text, then a name ("" at the end), a form
    words: Mapping[str, ColumnWords] = field(default_factory=dict)  # of values, by name

    @classmethod
    def of(cls, text: str, language: str, names: Collection[str]) -> "Template":
        """The template of a text. Raises TemplateMalformed for a name that is not in `names`."""
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateMalformed(
                f"is not a template: {error}: a name stands between {{ and }}, a brace of the text "
                "is written twice"
            ) from error
        segments = []
        for literal, name, form, conversion in parsed:
            if name is None:
                segments.append((literal, "", ""))
                continue
            if name not in names:
                raise TemplateMalformed(
                    f"names {{{name}}}, which it cannot know{_meant(name, names)}"
                )
            if conversion or (form not in _FORMS and WORDS.fullmatch(form or "") is None):
                raise TemplateMalformed(f"gives {{{name}}} a form that does not exist")
            segments.append((literal, name, form or ""))
        return cls(language, tuple(segments))

    def render(self, value_of: Callable[[str], object]) -> str:
        """The sentence with its values."""
        pieces = []
        for literal, name, form in self.segments:
            pieces.append(literal)
            if name:
                value = value_of(name)
                if name in self.words and isinstance(value, str) and value:
                    value = self.words[name].told(value, self.language)
                if type(value) is not str or not _as_it_is(value):
                    value = shown(value, form, self.language)
                pieces.append(value)
        return "".join(pieces)

    def around_rows(self) -> "tuple[Template, ...]":
        """What is said before, between and after the places of `{rows}`."""
        parts: list[list[tuple[str, str, str]]] = [[]]
        for literal, name, form in self.segments:
            if name == _ROWS:
                parts[-1].append((literal, "", ""))
                parts.append([])
            else:
                parts[-1].append((literal, name, form))
        return tuple([replace(self, segments=tuple(part)) for part in parts])


@dataclass(frozen=True, slots=True)
class Phrase:
    """Pieces of a sentence, in each of `LANGUAGES`."""

    pieces: tuple[tuple[str, ...], ...]

    def told(self, language: str) -> str:
        """The pieces, separated by commas."""
        return ", ".join(self.pieces[LANGUAGES.index(language)])


def _as_it_is(text: str) -> bool:
    return 0 < len(text) <= MAX_VALUE and text.isprintable()


def _all_as_they_are(texts: Sequence[str]) -> bool:
    return all(texts) and max(map(len, texts)) <= MAX_VALUE and "".join(texts).isprintable()


@lru_cache(COUNTS_KEPT)
def _and_more(language: str, count: int) -> str:
    return _MORE[language].format(count=count)


class Shown(str):
    """Text that is already as people read it: not cut again."""

    __slots__ = ()


_ABSENT: Final = Phrase(((), ()))  # a column that this row's topic does not have; equal to no text


def shown(value: object, form: str, language: str) -> str:
    """A value as people read it."""
    if isinstance(value, Shown | Phrase):
        return value.told(language) if isinstance(value, Phrase) else value
    if value is None or value == "":
        return _NO_DATE[language] if form == "date" else _NOTHING
    if isinstance(value, bool):
        return _YES[language] if value else _NO[language]
    if isinstance(value, int | float) and form:
        return _formed(value, form, language)
    text = str(value)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _formed(value: float, form: str, language: str) -> str:
    if form == "date":
        return day(value, language)
    if form == "days":
        return str(int(value // _DAY))
    whole = isinstance(value, int) or value.is_integer()
    return counted(int(value) if whole else value, form, language)


class Statement:
    """A sentence in both languages about rows, remembered: a fleet says the same things often.

    Instants that are shown as days are the same to it within a day.
    """

    __slots__ = (
        "_known",
        "_names",
        "_none",
        "_rows",
        "_some",
        "names",
    )

    def __init__(
        self,
        some: Mapping[str, Template],
        none: Mapping[str, Template],
        row: Mapping[str, Template],
    ) -> None:
        """`none` is said where there are no rows; `row` is how each of them is shown."""
        self._some: Final = _around_rows(some)
        self._none: Final = _around_rows(none)
        outer = _names(some) | _names(none)
        self._rows: Final = Rows.shown_as(row) if _ROWS in outer else None
        by_the_day = _by_the_day(some, none)
        self.names: Final = tuple(sorted(outer - {_ROWS, _COUNT}))
        """What it names beside rows."""
        self._names: Final = tuple((name, name in by_the_day) for name in self.names)
        self._known: Final[dict[tuple[object, ...], Texts]] = {}

    @property
    def by_the_day(self) -> Collection[str]:
        """Those of them of which nothing but a day, or a number of days, is shown."""
        return [name for name, by_the_day in self._names if by_the_day]

    def said(self, rows: Sequence[FactRow], named: Mapping[str, object]) -> Texts:
        """The sentences about these rows; `named` are the other values that they name."""
        cells = () if self._rows is None else self._rows.cells(rows)
        values = self._shorter(named)
        key = (len(rows), cells, values)
        known = self._known.get(key)
        if known is None:
            known = self._about(len(rows), values).told(cells)
            if len(self._known) >= STATEMENTS_KEPT:
                self._known.clear()
            self._known[key] = known
        return known

    def about(self, count: int, named: Mapping[str, object]) -> "Sentence":
        """What is said of so many rows, whichever they are; `named` as in `said`."""
        return self._about(count, self._shorter(named))

    def _about(self, count: int, values: tuple[object, ...]) -> "Sentence":
        known = {**_named(self._names, values), _COUNT: count}
        return Sentence(self._some if count else self._none, known, self._rows, count)

    def _shorter(self, named: Mapping[str, object]) -> tuple[object, ...]:
        return tuple([_short(named[name], by_the_day) for name, by_the_day in self._names])


class Sentence:
    """A sentence in both languages of which all is known but which rows it names.

    Its pieces are put into words when rows first are, as most answers are never about others.
    """

    __slots__ = ("_around", "_count", "_latest", "_pieces", "_rows", "_values")

    def __init__(
        self,
        around: Mapping[str, tuple[Template, ...]],
        values: Mapping[str, object],
        rows: "Rows | None",
        count: int,
    ) -> None:
        self._around: Final = around
        self._values: Final = values
        self._rows: Final = rows
        self._count: Final = count
        self._pieces: Mapping[str, tuple[str, ...]] | None = None
        self._latest: tuple[Texts | None, Texts] = None, {}

    def said(self, rows: Sequence[FactRow]) -> Texts:
        """The sentences about rows of which there are as many as it counts; these come first.

        No more than `ROWS_NAMED` of them are looked at.
        """
        if self._rows is None or not self._count:
            return self._of(_NONE)
        return self._of(self._rows.of(self._count, rows))

    def told(self, shown: "ShownCells") -> Texts:
        """As `said`, of what is shown of the rows."""
        if self._rows is None or not self._count:
            return self._of(_NONE)
        return self._of(self._rows.told(self._count, shown))

    @property
    def rows(self) -> "Rows | None":
        """How it shows rows; None where it shows none."""
        return self._rows if self._count else None

    def around(self, rows: Texts | None) -> Texts:
        """The sentences about rows that are in words; None where it shows none."""
        return self._of(_NONE if rows is None else rows)

    def _of(self, rows: Texts) -> Texts:
        latest, said = self._latest
        if latest is rows:
            return said
        if self._pieces is None:
            self._pieces = {
                language: tuple([part.render(self._values.get) for part in parts])
                for language, parts in self._around.items()
            }
        sentences = {}
        for language, pieces in self._pieces.items():
            sentence = rows.get(language, _NONE[language]).join(pieces)
            sentences[language] = sentence[:-1] if sentence.endswith("..") else sentence
        self._latest = rows, sentences
        return sentences


ShownCells = tuple[tuple[object, ...], ...]
"""What is shown of the rows that a sentence names."""
ShownTexts = Sequence[Sequence[str]]
"""The same by column, where columns hold texts."""


class Rows:
    """How sentences show rows. The latest are kept at hand: rules of a topic name the same ones."""

    __slots__ = ("__weakref__", "_columns", "_latest", "_latest_rows", "_line", "_row", "_words")

    def __init__(self, row: Mapping[str, Template]) -> None:
        by_the_day = _by_the_day(row)
        self._row: Final = row
        self._columns: Final = tuple([(name, name in by_the_day) for name in sorted(_names(row))])
        words = next(iter(row.values())).words if row else {}
        self._words: Final = tuple([words.get(name) for name, _ in self._columns])
        self._line: Final = _line(tuple(row.values()), [name for name, _ in self._columns])
        self._latest: tuple[tuple[int, ShownCells], Texts] = (0, ()), {}  # texts alone
        self._latest_rows: tuple[int, Sequence[FactRow], Texts] = 0, (), {}

    @classmethod
    def shown_as(cls, row: Mapping[str, Template]) -> "Rows":
        """Rows shown by these templates, the same for all sentences that show them so."""
        like = tuple(
            [
                (language, one.segments, tuple(sorted((n, id(w)) for n, w in one.words.items())))
                for language, one in row.items()
            ]
        )
        known = _SHOWN.get(like)
        if known is None:
            known = _SHOWN[like] = cls(row)  # it holds the words, so that their ids stay theirs
        return known

    def of(self, count: int, rows: Sequence[FactRow]) -> Texts:
        """These and the others of `count` rows in words, told once where rules name them in turn.

        That is where rows are the very same ones.
        """
        latest, named, told = self._latest_rows
        if latest == count and all(map(is_, named, rows)):
            return told
        told = self.told(count, self.cells(rows))
        self._latest_rows = count, rows[:ROWS_NAMED], told
        return told

    def texts(self, cells: Cells, places: Sequence[int]) -> ShownTexts | None:
        """What is shown of the rows in these places, column by column.

        No more of a text than `cells` has. None where a column does not hold texts.
        """
        found = []
        for name, _ in self._columns:
            texts = cells.texts(name, places)
            if texts is None:
                return None
            long = texts and max(map(len, texts)) > MAX_VALUE
            found.append([text[: MAX_VALUE + 1] for text in texts] if long else texts)
        return found or None

    def of_texts(self, count: int, shown: ShownTexts) -> Texts:
        """As `told`, of rows of which these texts are shown."""
        named = self._plain(shown)
        if named is None:
            return self.told(count, tuple(zip(*shown, strict=True)))
        rows = ", ".join(named)
        more = count - len(shown[0])
        if not more:
            return dict.fromkeys(self._row, rows)
        return {language: f"{rows}, {_and_more(language, more)}" for language in self._row}

    def _plain(self, shown: ShownTexts) -> Iterable[str] | None:
        """The rows in words of every language, where it is seen at a glance that these are them.

        Which are shown as they came; None of others.
        """
        if self._line is None:
            return None
        for texts, words in zip(shown, self._words, strict=True):
            if not _all_as_they_are(texts) or (words is not None and not words.tell_none(texts)):
                return None
        return dict.fromkeys(map(self._line.format, *shown))

    def cells(self, rows: Sequence[FactRow]) -> ShownCells:
        """What is shown of them."""
        columns = self._columns
        return tuple(
            [
                tuple([_short(row.get(name, _ABSENT), by_the_day) for name, by_the_day in columns])
                for row in rows[:ROWS_NAMED]
            ]
        )

    def told(self, count: int, cells: ShownCells) -> Texts:
        """The rows in words, each text once; `count` are all that there are."""
        asked = count, cells
        latest, said = self._latest  # in one look: another thread may put what it writes into words
        if latest == asked and all(type(text) is str for cell in cells for text in cell):
            return said  # other kinds of values are equal and not shown alike
        alike = self._read_alike(cells)
        told = {}
        for language, row in self._row.items():
            named = alike or dict.fromkeys(
                row.render(_named(self._columns, cell).get) for cell in cells
            )
            more = [_and_more(language, count - len(cells))] if count > len(cells) else ()
            told[language] = ", ".join((*named, *more))
        if alike:
            self._latest = asked, told
        return told

    def _read_alike(self, cells: ShownCells) -> Iterable[str] | None:
        """The rows in words of every language; None where these may differ."""
        if self._line is None:
            return None
        named: dict[str, None] = {}
        for cell in cells:
            texts = []
            for text, words in zip(cell, self._words, strict=True):
                if type(text) is not str or (words is not None and words.texts(text) is not None):
                    return None
                texts.append(text if _as_it_is(text) else shown(text, "", LANGUAGES[0]))
            named[self._line.format(*texts)] = None
        return named


_SHOWN: Final[WeakValueDictionary[Hashable, Rows]] = WeakValueDictionary()


def _short(cell: object, by_the_day: bool) -> object:  # noqa: FBT001 (called for each cell)
    """No more of a value than is shown: what is remembered stays small, whatever a device sends."""
    kind = type(cell)
    if kind is str:
        return cell[: MAX_VALUE + 1] if len(cell) > MAX_VALUE else cell  # type: ignore[arg-type, index]
    if by_the_day and kind is int:
        return cell // _DAY * _DAY  # type: ignore[operator]
    return cell


def _named(names: Sequence[tuple[str, bool]], values: Sequence[object]) -> Mapping[str, object]:
    return {name: value for (name, _), value in zip(names, values, strict=True)}


def _around_rows(sentence: Mapping[str, Template]) -> Mapping[str, tuple[Template, ...]]:
    return {language: template.around_rows() for language, template in sentence.items()}


def _by_the_day(*sentences: Mapping[str, Template]) -> frozenset[str]:
    """Names of which nothing but a day, or a number of days, is shown."""
    templates = [template for sentence in sentences for template in sentence.values()]
    segments = [segment for template in templates for segment in template.segments]
    return frozenset(name for _, name, form in segments if form in _BY_THE_DAY) - {
        name for _, name, form in segments if name and form not in _BY_THE_DAY
    }


def _line(rows: Sequence[Template], columns: Sequence[str]) -> str | None:
    """How to write a row of texts that have no words; None where it hangs on the language."""
    if any((row.segments, row.words) != (rows[0].segments, rows[0].words) for row in rows):
        return None
    line = ""
    for literal, name, form in rows[0].segments if rows and columns else ():
        if form:
            return None
        line += literal.replace("{", "{{").replace("}", "}}")
        line += f"{{{columns.index(name)}}}" if name else ""
    return line or None


def _names(templates: Mapping[str, Template]) -> set[str]:
    return {name for template in templates.values() for _, name, _ in template.segments if name}


def day(seconds: float, language: str) -> str:
    """The day of an instant, as the language writes it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(_DATE[language])
    except (ValueError, OverflowError, OSError):  # a year that no calendar has
        return _NOTHING
