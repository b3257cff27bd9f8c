"""What is known of one device at one moment, laid out for the rules that judge it.

Two questions are answered here. May a rule look at its evidence at all (`refusal`, `missing`)? And
what do its conditions see (`evidence`)? Conversion into an evaluation is what judging costs most,
so all rules share one `Evidence`, and it holds only what the rules that are asked can reach.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain import reasons
from vigie_server.domain.conditions import ROW_NUMBER, Evidence
from vigie_server.domain.devices import Device
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.parameters import Setting
from vigie_server.domain.rules import DEVICE_FIELDS, Read, Rule
from vigie_server.domain.topics import Topic
from vigie_server.domain.whys import Whys

_PART: Final = "part"
_COLLECTED: Final = "collected"
_ALWAYS_READ: Final = frozenset({_PART, _COLLECTED})


_ANSWERED: Final = object()  # under which cells note what they answered


@dataclass(frozen=True, slots=True)
class Collected:
    """Rows told apart: those that were collected, and why by part for those that were not."""

    topic: Topic
    rows: tuple[FactRow, ...]
    missing: Mapping[str, str]
    seen: frozenset[str]

    @classmethod
    def of(cls, fact: Fact, topic: Topic) -> "Collected":
        """Rows of parts that the topic does not declare are evidence of nothing: left out."""
        known = fact.cells.notes.get(_ANSWERED)
        if not isinstance(known, Collected) or known.topic is not topic:
            known = fact.cells.notes[_ANSWERED] = cls._told_apart(fact, topic)
        return known

    def of_parts(self, read: Read, platform: str) -> Sequence[FactRow]:
        """The collected rows of the parts that are read on the platform."""
        parts = read.parts.get(platform, frozenset())
        if self.seen <= parts:
            return self.rows
        return [row for row in self.rows if row[_PART] in parts]

    @classmethod
    def _told_apart(cls, fact: Fact, topic: Topic) -> "Collected":
        parts = topic.parts
        if all(row.get(_COLLECTED) is True and row.get(_PART) in parts for row in fact.rows):
            return cls(topic, fact.rows, {}, frozenset([str(row[_PART]) for row in fact.rows]))
        rows: list[FactRow] = []
        missing: dict[str, str] = {}
        seen: set[str] = set()
        for row in fact.rows:
            part = row.get(_PART)
            if not isinstance(part, str) or part not in parts:
                continue
            seen.add(part)
            if row.get(_COLLECTED) is True:
                rows.append(row)
            else:
                missing.setdefault(part, str(row.get("why") or ""))
        return cls(topic, tuple(rows), missing, frozenset(seen))


@dataclass(frozen=True, slots=True)
class Layout:
    """What some rules see together: topics with the columns of their rows, and names of the device.

    A topic is laid out once for each variable under which it is read.
    """

    topics: tuple[str, ...]
    reads: tuple[tuple[Read, tuple[str, ...]], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, rules: tuple[Rule, ...], columns: Mapping[str, frozenset[str]]) -> "Layout":
        """`columns` are, by variable of a topic, those that any rule of the catalogue reads.

        Of these a rule is shown the ones that it can reach, so that what it sees does not hang on
        which other rules are asked.
        """
        reads: dict[str, Read] = {}
        shown: dict[str, set[str]] = {}
        for rule in rules:
            for read in rule.reads.values():
                reads.setdefault(read.variable, read)
                known, followed = columns[read.variable], rule.follows[read.topic]
                wanted = shown.setdefault(read.variable, set())
                if read.columns:
                    wanted |= known if followed is None else known.intersection(followed)
        return cls(
            tuple(sorted({read.topic for read in reads.values()})),
            tuple([(read, tuple(sorted(shown[name]))) for name, read in reads.items()]),
            tuple(sorted({name for rule in rules for name in rule.names} & DEVICE_FIELDS.keys())),
        )


def columns_read(rules: tuple[Rule, ...]) -> Mapping[str, frozenset[str]]:
    """By variable of a topic, the columns that its rules read; none where they only count rows."""
    columns: dict[str, frozenset[str]] = {}
    for rule in rules:
        for read in rule.reads.values():
            names = columns.setdefault(read.variable, frozenset())
            if read.columns:
                columns[read.variable] = names | read.columns | {"part"}
    return columns


class CaseFile:
    """One device at one moment, for rules with their settings, laid out for them.

    `rows` are the rows shown to conditions, by their number, `values` all that they see by name.
    """

    def __init__(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        topics: Mapping[str, Topic],
        *,
        now: datetime,
        layout: Layout,
        settings: Iterable[Setting],
        whys: Whys,
    ) -> None:
        self.device: Final = device
        self.now: Final = now
        self.rows: Final[list[FactRow]] = []
        self._topics: Final = topics
        self._facts: Final = facts
        self._whys: Final = whys
        self._answered: Final = {
            name: Collected.of(facts[name], topics[name])
            for name in layout.topics
            if name in facts and name in topics
        }
        self._missing: Final[dict[str, Texts | None]] = {}
        self._counts: Final[dict[str, int]] = {}
        self._places: Final[dict[str, range]] = {}
        self._at: Final[dict[str, Mapping[int, int]]] = {}  # places of a topic's rows, by identity
        self.values: Final = self._values(layout, settings)
        self.evidence: Final = Evidence(self.values)

    def observed_at(self, topic: str) -> datetime:
        """When the rows of an answered topic were true."""
        return self._facts[topic].observed_at

    def title(self, read: Read) -> Texts:
        """The topic's title."""
        return self._topics[read.topic].title

    def place_of(self, rule: Rule, number: int) -> tuple[str, int] | None:
        """Of a row by its number: its topic, and its place among the rows of that."""
        for read in rule.reads.values():
            shown = self._places.get(read.variable, range(0))
            if number in shown:
                rows = self._facts[read.topic].rows
                if len(shown) == len(rows):
                    return read.topic, number - shown.start
                if read.topic not in self._at:
                    self._at[read.topic] = {id(row): place for place, row in enumerate(rows)}
                return read.topic, self._at[read.topic][id(self.rows[number])]
        return None

    def shown_of(self, variable: str) -> Sequence[int]:
        """The numbers of the rows that conditions see under a topic's variable."""
        return self._places.get(variable, range(0))

    def refusal(self, rule: Rule, read: Read) -> Texts | None:
        """Why the rule may not look at the topic; None when it may."""
        title = self._topics[read.topic].title
        answered = self._answered.get(read.topic)
        if answered is None:
            return reasons.never_reported(title)
        fact = self._facts[read.topic]
        if fact.topic_version != read.version:
            return reasons.other_version(title, fact, read.version)
        if self.now - fact.observed_at >= rule.max_age:
            return reasons.too_old(title, fact.observed_at, rule.max_age)
        if fact.status != "ok":
            return reasons.not_ok(self._topics[read.topic], fact, self._whys)
        if not fact.rows:
            return self._empty(read, title)
        return _unreadable(fact, read, title)

    def anything(self, rule: Rule) -> bool:
        """Whether a row was collected of every topic that the rule reads."""
        return all(self._counts.get(read.variable) for read in rule.reads.values())

    def missing(self, read: Read) -> Texts | None:
        """The parts that the rule reads and that did not answer, as a reason; None when all did."""
        answered = self._answered[read.topic]
        if read.variable in self._missing:
            return self._missing[read.variable]
        topic = self._topics[read.topic]
        missing = {}
        for name in sorted(read.parts[self.device.platform]):
            if name in answered.missing:
                missing[name] = answered.missing[name]
            elif name not in answered.seen and not topic.parts[name].empty_is_a_fact:
                missing[name] = ""
        said = reasons.parts_missing(topic, missing, self._whys) if missing else None
        self._missing[read.variable] = said
        return said

    def _empty(self, read: Read, title: Texts) -> Texts | None:
        """An answer without rows or columns is a fact only where every part says so."""
        parts = self._topics[read.topic].parts
        if all(parts[name].empty_is_a_fact for name in read.parts[self.device.platform]):
            return None
        return reasons.nothing_collected(title)

    def _values(self, layout: Layout, settings: Iterable[Setting]) -> Mapping[str, object]:
        values: dict[str, object] = {"now": int(self.now.timestamp())}
        for name in layout.names:
            value = self.device.named(name)
            values[name] = list(value) if isinstance(value, tuple) else value
        for setting in settings:
            values |= setting.carried
        for read, columns in layout.reads:
            answered = self._answered.get(read.topic)
            if answered is not None:
                self._show(answered, read, columns, values)
        return values

    def _show(
        self,
        answered: Collected,
        read: Read,
        columns: Sequence[str],
        values: dict[str, object],
    ) -> None:
        rows = answered.of_parts(read, self.device.platform)
        self._counts[read.variable] = len(rows)
        values[read.variable + ".count"] = len(rows)
        values[read.variable + ".observed_at"] = _seconds(self._facts[read.topic].observed_at)
        if columns:
            rows = known_rows(rows, read)
            first = len(self.rows)
            values[read.variable + ".rows"] = self._shown(rows, columns)
            self._places[read.variable] = range(first, len(self.rows))

    def _shown(self, rows: Iterable[FactRow], columns: Sequence[str]) -> list[dict[str, object]]:
        shown = []
        for row in rows:
            cells: dict[str, object] = {column: row.get(column) for column in columns}
            cells[ROW_NUMBER] = len(self.rows)
            self.rows.append(row)
            shown.append(cells)
        return shown


def known_rows(rows: Sequence[FactRow], read: Read) -> Sequence[FactRow]:
    """Of these rows, those that conditions see."""
    return rows if read.known is None else [row for row in rows if read.known.holds(row)]


def _unreadable(fact: Fact, read: Read, title: Texts) -> Texts | None:
    wanted = read.columns | _ALWAYS_READ
    if not wanted <= fact.columns:
        return reasons.column_missing(title, min(wanted - fact.columns))
    if fact.unreadable and not wanted.isdisjoint(fact.unreadable):
        column = min(wanted & fact.unreadable.keys())
        return reasons.column_unreadable(title, column, fact.unreadable[column])
    return None


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
