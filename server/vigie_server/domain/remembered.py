"""Answers as the judge remembers them, and for how long one of a rule on time stands.

An answer of a rule that does not follow the time stands whenever its evidence was true. One that
does stands within the windows that following its expressions has left (`domain/lasting.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from vigie_server.domain.conditions import Asides, Condition
from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.lasting import (
    Following,
    Moving,
    MovingReal,
    NotFollowed,
    Times,
    Trees,
    Value,
    Window,
    Windows,
)
from vigie_server.domain.rules import MOVING, Rule
from vigie_server.domain.statements import Sentence, Statement
from vigie_server.domain.verdicts import Verdict, digested

ASK_AGAIN: Final = timedelta(hours=1)
"""After which a pass is looked at again that has outlived its freshness (`earliest`)."""
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, where datetime ends
_DAY: Final = 86_400
_SENTENCE_FIGURE, _OF_EVIDENCE = "v", ".observed_at"


@dataclass(frozen=True, slots=True)
class Words:
    """What a verdict says of which rows: each by its topic, and its place among the rows of it.

    These are the same in evidence that is alike: by what rows are chosen is compared by its texts.

    `topics` are those that the rows are of.
    """

    sentence: Sentence
    rows: tuple[tuple[str, int], ...]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)  # told apart by identity: cells note what it becomes
class Answered:
    """A verdict that stands for the same evidence of any device, whenever it was true.

    `fresh_end` is when its own freshness ends, of a rule that says so. With `words` it stands for
    evidence that is alike, and is worded anew of other texts (`domain/text_questions.py`).
    """

    rule: Rule
    verdict: Verdict
    fresh_end: datetime | None
    words: Words | None = None

    def worded(self, rows: Sequence[FactRow]) -> "Answered":
        """The same of these rows, which stand where those of `words` do; for one that is kept."""
        verdict = digested(self.once(rows, self.verdict.next_check_at))
        return Answered(self.rule, verdict, self.fresh_end)

    def once(self, rows: Sequence[FactRow], check_at: datetime | None) -> Verdict:
        """The verdict in words of these rows, to be looked at again then.

        Without a digest: of a verdict that the next report replaces nobody may ask for it.
        """
        words, known = self.words, self.verdict
        return Verdict(
            known.rule,
            known.rule_version,
            known.status,
            known.reason if words is None else words.sentence.said(rows),
            kept_rows(self.rule, rows) if known.offending else (),
            check_at,
            known.measures,
        )

    def at(self, facts: Mapping[str, Fact], now: datetime) -> Verdict:
        """The verdict on this evidence: it can change when the first of it is too old."""
        return self.until(self.fresh_end, facts, now)

    def since(self, observed_at: datetime) -> Verdict:
        """The verdict on evidence of that time, of a rule that reads one topic.

        Of one whose own freshness does not end.
        """
        known = self.verdict
        if known.next_check_at is None:
            return known
        return Verdict(
            known.rule,
            known.rule_version,
            known.status,
            known.reason,
            known.offending,
            observed_at + self.rule.max_age,
            known.measures,
            known.digest,
        )

    def until(
        self, fresh_end: datetime | None, facts: Mapping[str, Fact], now: datetime
    ) -> Verdict:
        """The same with another end of its own freshness."""
        known = self.verdict
        if known.next_check_at is None:
            return known
        if fresh_end is None and len(self.rule.reads) == 1:  # nearly all; a call takes as long
            (topic,) = self.rule.reads
            return self.since(facts[topic].observed_at)
        return self.again(self.check_at(fresh_end, facts, now))

    def again(self, check_at: datetime | None) -> Verdict:
        """The verdict, to be looked at again then."""
        known = self.verdict
        return Verdict(
            known.rule,
            known.rule_version,
            known.status,
            known.reason,
            known.offending,
            check_at,
            known.measures,
            known.digest,
        )

    def check_at(
        self, fresh_end: datetime | None, facts: Mapping[str, Fact], now: datetime
    ) -> datetime | None:
        """When the verdict on this evidence is to be looked at again."""
        if self.verdict.next_check_at is None:
            return None
        rule, check_at = self.rule, None
        reads = rule.reads
        if len(reads) == 1:
            (topic,) = reads
            check_at = facts[topic].observed_at + rule.max_age
        elif reads:
            check_at = min([facts[topic].observed_at for topic in reads]) + rule.max_age
        return check_at if fresh_end is None else earliest(check_at, fresh_end, now)

    def check_since(self, observed_at: datetime, now: datetime) -> datetime | None:
        """The same of evidence of that time, of a rule that reads one topic."""
        if self.verdict.next_check_at is None:
            return None
        check_at, fresh_end = observed_at + self.rule.max_age, self.fresh_end
        return check_at if fresh_end is None else earliest(check_at, fresh_end, now)


@dataclass(frozen=True, slots=True)
class Lasting:
    """An answer of a rule on time, the windows it stands in, and its freshness where that moves."""

    answered: Answered
    windows: tuple[Window, ...]
    fresh_until: Moving | None = None

    def holds(self, times: Times) -> bool:
        """Whether the answer is the same at these times."""
        for window in self.windows:  # noqa: SIM110 (a generator takes longer than what it asks)
            if not window.holds(times):
                return False
        return True

    def fresh_end(self, times: Times) -> datetime | None:
        """When its own freshness ends, at these times."""
        if self.fresh_until is None:
            return self.answered.fresh_end
        return end_of(self.fresh_until.at(times))


def kept_rows(rule: Rule, rows: Sequence[FactRow]) -> tuple[FactRow, ...]:
    """The rows as a verdict holds them: what the rule does not read does not change them."""
    shown = rule.shown
    return tuple(
        [
            {column: cell for column, cell in row.items() if column in shown}
            for row in rows[: rule.row_limit]
        ]
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What the library gave for a rule: the branch taken, its rows' numbers and its asides."""

    place: int
    numbers: tuple[int, ...]
    asides: Asides


def earliest(
    too_old: datetime | None, fresh_end: datetime | None, now: datetime
) -> datetime | None:
    """When to ask again: a pass whose freshness has ended and that stands, in an hour."""
    if fresh_end is None:
        return too_old
    end = fresh_end if fresh_end > now else now + ASK_AGAIN
    return end if too_old is None or end < too_old else too_old


def end_of(fresh_until: float) -> datetime | None:
    """The instant from which a pass that is fresh until then is not; None where none is told."""
    if 0 <= fresh_until < _LAST_SECOND:
        return datetime.fromtimestamp(int(fresh_until) + 1, UTC)
    return None


class OnTime:
    """A rule that follows the time: which times, and how it is followed."""

    def __init__(self, rule: Rule) -> None:
        self.rule: Final = rule
        self.still_names: Final = tuple(sorted(rule.names - MOVING))
        """What its verdict follows of the device beside what moves."""
        self._topics: Final = tuple(rule.reads)
        self._moving_names: Final = tuple(sorted(rule.names & MOVING))
        self._names: Final = (
            "now",
            *(read.variable + _OF_EVIDENCE for read in rule.reads.values()),
            *self._moving_names,
        )

    def times(self, named: Mapping[str, object], seconds: Mapping[str, int], now: int) -> Times:
        """What moves, in its places: what is `named` of the device, and when evidence was true.

        What the device does not tell is 0: `kinds` tells it apart.
        """
        times: list[float] = [now, *[seconds[topic] for topic in self._topics]]
        for name in self._moving_names:
            value = named[name]
            times.append(value if isinstance(value, int | float) else 0)
        return tuple(times)

    def kinds(self, named: Mapping[str, object]) -> tuple[type, ...]:
        """Of what kind that is which moves of the device: an answer is of these alone."""
        return tuple([type(named[name]) for name in self._moving_names])

    def lasting(
        self, answered: Answered, told: Told | None, values: Mapping[str, object]
    ) -> Lasting | None:
        """How long an answer stands that was just given; None where that is not known.

        `values` are what conditions saw, by full name. `told` is None where the decision was not
        asked: nothing that comes before it but `applies` follows the time, as long as evidence is
        not too old.
        """
        try:
            return self._followed(answered, told, values)
        except NotFollowed:
            return None

    @cached_property
    def _trees(self) -> Trees:
        return Trees(self.rule.container, self.rule.conditions.bindings)

    def _followed(
        self, answered: Answered, told: Told | None, values: Mapping[str, object]
    ) -> Lasting:
        conditions, windows = self.rule.conditions, Windows()
        moving = {name: self._moved(place, values) for place, name in enumerate(self._names)}
        following = Following(self._trees, {**values, **moving}, windows)
        applies = conditions.applies is None or following.flag(conditions.applies.text)
        if told is None:
            return Lasting(answered, windows.all())
        for name in self._trees.names:  # what CEL evaluates without need narrows too
            following.value(name)
        branches = conditions.branches
        place = next(
            place
            for place, branch in enumerate(branches)
            if branch.when is None or following.flag(branch.when)
        )
        branch = branches[place]
        numbers = () if branch.rows is None else tuple(following.rows(branch.rows))
        asides = {aside: following.value(aside.text) for aside in branch.asides}
        if not applies or (place, numbers) != (told.place, told.numbers):
            raise NotFollowed("the library says otherwise")
        for aside, value in asides.items():
            if aside not in told.asides or not _same(value, told.asides[aside]):
                raise NotFollowed("the library says otherwise")
        self._settle_words(conditions.outcomes[place].statement, asides, moving, windows)
        for measure in conditions.measures.values():
            _pin(asides.get(measure), windows)
        fresh_until = self._settle_end(asides, windows)
        return Lasting(answered, windows.all(), fresh_until)

    def _moved(self, place: int, values: Mapping[str, object]) -> Value:
        """A time, moving; null where the device does not tell it."""
        value = values.get(self._names[place])
        by = tuple([int(place == other) for other in range(len(self._names))])
        if type(value) is int:
            return Moving(by, 0, value)
        return MovingReal(by, value) if type(value) is float else value

    def _settle_words(
        self,
        statement: Statement,
        asides: Mapping[Condition, Value],
        moving: Mapping[str, Value],
        windows: Windows,
    ) -> None:
        """A sentence that tells a day stands for that day, one that tells more for that second."""
        by_the_day = statement.by_the_day
        for name in statement.names:
            kind, _, rest = name.partition(".")
            value = moving.get(name)
            if kind == _SENTENCE_FIGURE:
                value = asides[self.rule.conditions.figures[rest]]
            if isinstance(value, Moving) and name in by_the_day:
                began = value.now // _DAY * _DAY
                windows.keep(value, began, began + _DAY - 1)
            else:
                _pin(value, windows)

    def _settle_end(self, asides: Mapping[Condition, Value], windows: Windows) -> Moving | None:
        condition = self.rule.conditions.fresh_until
        value = None if condition is None else asides.get(condition)
        if isinstance(value, MovingReal):
            raise NotFollowed("no instant")
        if not isinstance(value, Moving):
            return None
        windows.keep(value, 0, _LAST_SECOND - 1)
        if not 0 <= value.now < _LAST_SECOND:
            raise NotFollowed("no instant")
        return value


def _pin(value: Value, windows: Windows) -> None:
    if isinstance(value, Moving | MovingReal):
        windows.keep(value, value.now, value.now)


def _same(followed: Value, told: object) -> bool:
    value = followed.now if isinstance(followed, Moving | MovingReal) else followed
    return type(value) is type(told) and value == told
