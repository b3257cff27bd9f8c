"""Topics on the server: their declarations, and answers converted by them.

A declaration is a file of `queries/topics`; `queries/README.md` documents its keys. What travels is
text. It is converted here, once, when somebody looks: `""` becomes None in every column that is not
text; a text where a number should be becomes None too and is named in `Fact.unreadable`; columns
that are not declared are dropped; declared columns that did not travel are absent from
`Fact.columns`.

A query of a site's own pack that names no topic answers one of its own, `pack.<pack>.<query>`. It
has one part; where its rows do not say `part` and `collected`, they are of it, and collected.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

from vigie_server.domain.column_words import ColumnWords, read_column_words
from vigie_server.domain.documents import Mistakes, Section, Texts, read_document
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.facts import Cell, CellTexts, Fact, FactRow
from vigie_server.domain.suggesting import meant, platform_meant

PLATFORMS: Final = frozenset({"windows", "darwin", "linux"})
MAX_LAYOUTS: Final = 32  # column layouts remembered by topic; agents of one version share one
SAFE_DIGITS: Final = 18  # a number this long is below 2**63 whatever its digits
MAX_EXAMPLE: Final = 60  # characters of an unreadable value that are kept

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OF_PACK: Final = re.compile(r"pack(\.[a-z0-9_][a-z0-9_\-]{0,63}){2,4}")
_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9_]")
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_REAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_INT64: Final = 2**63
_BOOLEANS: Final[Mapping[str, bool | None]] = {
    "": None,
    "1": True,
    "true": True,
    "yes": True,
    "0": False,
    "false": False,
    "no": False,
}


class ColumnType(StrEnum):
    """`timestamp` is UNIX seconds, UTC, as a whole number."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Column:
    """A declared column. `unit` is empty where the type says it all.

    `words` are what its values are called by people, where they are not told as they came.
    """

    name: str
    type: ColumnType
    about: str = ""
    unit: str = ""
    words: ColumnWords | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one query a platform answers. `empty_is_a_fact`: no row means absence, not ignorance.

    `title` is what people call it; a site's own topic may leave it at the name.
    """

    name: str
    platforms: frozenset[str]
    empty_is_a_fact: bool
    title: Texts = field(default_factory=dict)

    def called(self, language: str) -> str:
        """Its title, or its name where it has none."""
        return self.title.get(language, self.name)


_COMMON: Final = (
    Column("part", ColumnType.TEXT, "Which of the topic's parts the row belongs to"),
    Column("collected", ColumnType.BOOLEAN, "No when the part could not be read"),
    Column("why", ColumnType.TEXT, "When it could not: what is missing"),
)
COMMON_COLUMNS: Final = tuple(column.name for column in _COMMON)
"""The columns that every topic has."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's declaration. `columns` holds the three common ones too."""

    name: str
    version: int
    columns: Mapping[str, Column]
    parts: Mapping[str, Part]
    title: Texts
    purpose: Texts
    guide_questions: tuple[int, ...]
    interval: timedelta
    personal_data: Texts | None
    retention: timedelta
    keys: tuple[str, ...]
    _layouts: dict[tuple[str, ...], "_Layout"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def variable(self) -> str:
        """The name under which conditions see it: `topics.doors`, `topics.pack_badges_readers`."""
        return "topics." + _NOT_IN_A_NAME.sub("_", self.name)

    @property
    def of_pack(self) -> bool:
        """Whether a query of a site's own pack answers it, which knows nothing of parts."""
        return _OF_PACK.fullmatch(self.name) is not None

    def convert(
        self,
        *,
        topic_version: int,
        status: str,
        message: str,
        columns: Sequence[str],
        values: Sequence[str],
        observed_at: datetime,
    ) -> Fact:
        """The fact that an answer holds. `values` are flat, row after row, as they travel.

        Never raises on values; `len(values)` must be a multiple of `len(columns)`.
        """
        layout = self._layout(tuple(columns))
        return Fact(
            topic=self.name,
            topic_version=topic_version,
            status=status,
            message=message,
            columns=layout.known,
            cells=_Travelled(layout, tuple(values), len(columns)),
            observed_at=observed_at,
        )

    def narrowed(self, columns: Collection[str]) -> "Topic":
        """The same topic with no more columns than these and those that every topic has."""
        kept = {column.name for column in _COMMON} | set(columns)
        return replace(
            self,
            columns={name: column for name, column in self.columns.items() if name in kept},
        )

    @property
    def words(self) -> Mapping[str, ColumnWords]:
        """What the values of its columns are called, by column."""
        return {name: one.words for name, one in self.columns.items() if one.words is not None}

    def parts_on(self, platform: str) -> tuple[Part, ...]:
        """The parts that a device of this platform answers."""
        return tuple(part for part in self.parts.values() if platform in part.platforms)

    def _layout(self, columns: tuple[str, ...]) -> "_Layout":
        layout = self._layouts.get(columns)
        if layout is None:
            layout = _Layout.of(columns, self.columns, self._understood())
            if len(self._layouts) >= MAX_LAYOUTS:  # somebody plays: remember no more than this
                self._layouts.clear()
            self._layouts[columns] = layout
        return layout

    def _understood(self) -> Mapping[str, Cell]:
        """What goes without saying in an answer of a site's own pack."""
        if not self.of_pack:
            return {}
        (part,) = self.parts
        return {"part": part, "collected": True, "why": ""}


_TEXT_BYTES: Final = 56  # a short text in memory beside its letters, and its place in a tuple
_NOWHERE: Final = None, None


class _Travelled:
    """The values of an answer as they travelled, converted when they are first looked at."""

    __slots__ = (
        "__weakref__",
        "_apart",
        "_layout",
        "_rows",
        "_size",
        "_unreadable",
        "_values",
        "_width",
        "notes",
    )

    def __init__(self, layout: "_Layout", values: tuple[str, ...], width: int) -> None:
        self._layout: Final = layout
        self._values: Final = values
        self._width: Final = width
        self._rows: tuple[FactRow, ...] | None = None
        self._apart: dict[int, FactRow] | None = None
        self._unreadable: Final[dict[str, str]] = {}
        self._size = -1
        self.notes: Final[dict[object, object]] = {}

    @property
    def count(self) -> int:
        return len(self._values) // self._width if self._width else 0

    @property
    def rows(self) -> tuple[FactRow, ...]:
        if self._rows is None:
            self._rows = self._converted()
        return self._rows

    def row(self, place: int) -> FactRow:
        if self._rows is not None:
            return self._rows[place]
        if self._apart is None:
            self._apart = {}
        row = self._apart.get(place)
        if row is None:
            begins = place * self._width
            texts = self._values[begins : begins + self._width]
            row = self._apart[place] = _RowApart(self._layout, texts)
        return row

    @property
    def unreadable(self) -> Mapping[str, str]:
        if self._rows is None:
            self._rows = self._converted()
        return self._unreadable

    @property
    def size(self) -> int:
        if self._size < 0:
            self._size = sum(map(len, self._values)) + _TEXT_BYTES * len(self._values)
        return self._size

    def content(self, columns: tuple[str, ...] | None) -> CellTexts:
        values, width = self._values, self._width
        shown = [(name, values[index::width]) for index, name in self._layout.among(columns)]
        return self.count, tuple(shown)

    def texts(self, column: str, places: Sequence[int]) -> Sequence[str] | None:
        index, read = self._layout.places.get(column, _NOWHERE)
        if index is None or read is not None:
            return None
        values, width = self._values, self._width
        return [values[place * width + index] for place in places]

    def _converted(self) -> tuple[FactRow, ...]:
        layout, values, width = self._layout, self._values, self._width
        cells: list[Sequence[Cell]] = []
        for index, name, read in layout.readers:
            texts = values[index::width]
            cells.append(texts if read is None else read(texts, name, self._unreadable))
        names, understood = layout.names, layout.understood
        if not cells:
            return tuple(dict(understood) for _ in range(self.count))
        rows = zip(*cells, strict=False)
        if understood:
            return tuple([dict(zip(names, row, strict=False)) | understood for row in rows])
        return tuple([dict(zip(names, row, strict=False)) for row in rows])


class _RowApart(Mapping[str, Cell]):
    """A row of which each cell is converted when somebody looks."""

    __slots__ = ("_layout", "_texts")

    def __init__(self, layout: "_Layout", texts: Sequence[str]) -> None:
        self._layout: Final = layout
        self._texts: Final = texts

    def __getitem__(self, name: str) -> Cell:
        found = self._layout.places.get(name)
        if found is None:
            return self._layout.understood[name]
        index, read = found
        text = self._texts[index]
        return text if read is None else read((text,), name, {})[0]

    def get(self, name: str, default: Any = None) -> Any:  # the Mapping's asks twice
        found = self._layout.places.get(name)
        if found is None:
            return self._layout.understood.get(name, default)
        index, read = found
        text = self._texts[index]
        return text if read is None else read((text,), name, {})[0]

    def __iter__(self) -> Iterator[str]:
        yield from self._layout.names
        yield from self._layout.understood

    def __len__(self) -> int:
        return len(self._layout.names) + len(self._layout.understood)


_Reader = Callable[[Sequence[str], str, dict[str, str]], Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How an answer's columns are read: position, name, and a reader (None: text as it is).

    `places` are the same by name, `understood` are cells of every row that did not travel.
    """

    readers: tuple[tuple[int, str, _Reader | None], ...]
    places: Mapping[str, tuple[int, _Reader | None]]
    names: tuple[str, ...]
    known: frozenset[str]
    understood: dict[str, Cell]
    _among: dict[tuple[str, ...], tuple[tuple[int, str], ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        travelled: Sequence[str],
        declared: Mapping[str, Column],
        understood: Mapping[str, Cell],
    ) -> "_Layout":
        readers = tuple(
            (index, name, _READERS[declared[name].type])
            for index, name in enumerate(travelled)
            if name in declared
        )
        names = tuple(name for _, name, _ in readers)
        silent = {name: cell for name, cell in understood.items() if name not in names}
        places = {name: (index, read) for index, name, read in readers}
        return cls(readers, places, names, frozenset(names).union(silent), silent)

    def among(self, columns: tuple[str, ...] | None) -> tuple[tuple[int, str], ...]:
        """Of these columns (None: of all) those that are read, with their positions."""
        wanted = self.names if columns is None else columns
        found = self._among.get(wanted)
        if found is None:
            found = tuple([(index, name) for index, name, _ in self.readers if name in wanted])
            self._among[wanted] = found  # what rules follow: no more than there are in a catalogue
        return found


def _booleans(texts: Sequence[str], name: str, unreadable: dict[str, str]) -> Sequence[Cell]:
    try:
        return [_BOOLEANS[text] for text in texts]
    except KeyError:
        return [_one(text, name, unreadable, lambda t: _BOOLEANS[t.lower()]) for text in texts]


def _integers(texts: Sequence[str], name: str, unreadable: dict[str, str]) -> Sequence[Cell]:
    joined = "".join(texts)  # the usual case in three calls instead of two a cell
    if joined.isascii() and joined.isdigit() and max(map(len, texts)) <= SAFE_DIGITS:
        return [int(text) if text else None for text in texts]
    return [_one(text, name, unreadable, _integer) if text else None for text in texts]


def _reals(texts: Sequence[str], name: str, unreadable: dict[str, str]) -> Sequence[Cell]:
    return [_one(text, name, unreadable, _real) if text else None for text in texts]


def _one(text: str, name: str, unreadable: dict[str, str], read: Callable[[str], Cell]) -> Cell:
    try:
        return read(text)
    except (ValueError, KeyError):
        unreadable.setdefault(name, text[:MAX_EXAMPLE])
        return None


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:  # int() takes `1_000`, ` 1 ` and other scripts' digits
        raise ValueError
    number = int(text)
    if not -_INT64 <= number < _INT64:
        raise ValueError
    return number


def _real(text: str) -> float:
    if _REAL.fullmatch(text) is None:  # float() takes `nan` and `inf`, which compare oddly
        raise ValueError
    return float(text)


_READERS: Final[Mapping[ColumnType, _Reader | None]] = {
    ColumnType.TEXT: None,
    ColumnType.INTEGER: _integers,
    ColumnType.REAL: _reals,
    ColumnType.BOOLEAN: _booleans,
    ColumnType.TIMESTAMP: _integers,
}


def load_topics(folder: Path) -> Mapping[str, Topic]:
    """The declarations of a folder, by name. Raises RulesMalformed, naming file, line and key."""
    mistakes = Mistakes()
    topics = read_topics(folder, mistakes)
    mistakes.settle()
    if not topics:
        raise RulesMalformed(f"{folder.name}: it holds no topic")
    return topics


def read_topics(folder: Path, mistakes: Mistakes) -> dict[str, Topic]:
    """The declarations of a folder that are well formed, by name."""
    topics: dict[str, Topic] = {}
    for path in sorted(folder.glob("*.yaml")):
        topic = mistakes.attempt(partial(_read_file, path), None)
        if topic is not None:
            topics[topic.name] = topic
    return topics


def _read_file(path: Path) -> Topic:
    topic = _read_topic(read_document(path))
    if topic.name != path.stem:
        raise RulesMalformed(f"{path.name}: it declares the topic {topic.name}")
    return topic


def _read_topic(document: Section) -> Topic:
    mistakes = Mistakes()
    columns = {column.name: column for column in _COMMON}
    for name, about in mistakes.attempt(lambda: tuple(document.named_sections("columns")), ()):
        if _NAME.fullmatch(name) is None or name in columns:
            mistakes.add(document.wrong(f"cannot have a column `{name}`", "columns"))
        columns[name] = mistakes.attempt(
            partial(_read_column, name, about), Column(name, ColumnType.TEXT)
        )
    keys = mistakes.attempt(partial(document.words, "keys"), ())
    for key in keys:
        if key not in columns:
            near = meant(key, columns)
            mistakes.add(document.wrong(f"names `{key}`, which is no column{near}", "keys"))
    parts: dict[str, Part] = {}
    for name, about in mistakes.attempt(lambda: tuple(document.named_sections("parts")), ()):
        part = mistakes.attempt(partial(_read_part, name, about), None)
        if part is not None:
            parts[name] = part
    topic = Topic(
        name=mistakes.attempt(partial(_name, document, "topic"), ""),
        version=mistakes.attempt(partial(document.whole, "version"), 0),
        columns=columns,
        parts=parts,
        title=mistakes.attempt(partial(document.both_languages, "title"), {}),
        purpose=mistakes.attempt(partial(document.both_languages, "purpose"), {}),
        guide_questions=mistakes.attempt(partial(_questions, document), ()),
        interval=timedelta(seconds=mistakes.attempt(partial(document.whole, "interval"), 0)),
        personal_data=mistakes.attempt(partial(_personal_data, document), None),
        retention=timedelta(days=mistakes.attempt(partial(document.whole, "retention_days"), 0)),
        keys=keys,
    )
    if not mistakes and not parts:
        mistakes.add(document.wrong("has no part", "parts"))
    if topic.of_pack and len(parts) > 1:
        mistakes.add(document.wrong("must be one: a pack's own query has no others", "parts"))
    mistakes.attempt(partial(_check_absences, document, parts.values()), None)
    mistakes.attempt(document.close, None)
    mistakes.settle()
    return topic


def _questions(document: Section) -> tuple[int, ...]:
    words = document.words("guide_questions")
    if not all(word.isdecimal() for word in words):
        raise document.wrong("must hold numbers of questions", "guide_questions")
    return tuple(int(word) for word in words)


def _personal_data(document: Section) -> Texts | None:
    if document.is_section("personal_data"):
        return document.both_languages("personal_data")
    document.choice("personal_data", frozenset({"none"}))
    return None


def _check_absences(document: Section, parts: Iterable[Part]) -> None:
    """`not_on` is for people: why a platform has no part. It names such platforms only."""
    if "not_on" not in document:
        return
    why = document.section("not_on")
    for platform in why.keys():  # noqa: SIM118 (a section, not a dict)
        if platform not in PLATFORMS or any(platform in part.platforms for part in parts):
            raise document.wrong(f"names {platform}, where there is a part or no device", "not_on")
        why.both_languages(platform)
    why.close()


def _read_column(name: str, section: Section) -> Column:
    column = Column(
        name=name,
        type=ColumnType(section.choice("type", frozenset(ColumnType))),
        about=section.text("about", ""),
        unit=section.text("unit", ""),
        words=read_column_words(section),
    )
    section.close()
    return column


def _read_part(name: str, section: Section) -> Part:
    platforms = frozenset(section.words("platforms"))
    if not platforms or not platforms <= PLATFORMS:
        odd = sorted(platforms - PLATFORMS)
        near = platform_meant(odd[0], PLATFORMS) if odd else ""
        raise section.wrong(f"must be some of {', '.join(sorted(PLATFORMS))}{near}", "platforms")
    part = Part(
        name=name,
        platforms=platforms,
        empty_is_a_fact=section.choice("empty", frozenset({"fact", "unknown"})) == "fact",
        title=section.both_languages("title") if "title" in section else {},
    )
    section.close()
    return part


def _name(section: Section, key: str) -> str:
    name = section.text(key)
    if _NAME.fullmatch(name) is None and _OF_PACK.fullmatch(name) is None:
        raise section.wrong("must be a name such as local_admins or pack.badges.readers", key)
    return name
