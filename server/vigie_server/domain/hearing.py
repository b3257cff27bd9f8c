"""One rule heard on one device's case: the checks that come before its conditions, and its answer.

In the order in which a doubt outranks an answer; what holds is told by `domain/judge.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from vigie_server.domain import reasons
from vigie_server.domain.casefile import CaseFile
from vigie_server.domain.conditions import Asides, Condition, Problem
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import FactRow
from vigie_server.domain.parameters import Setting
from vigie_server.domain.remembered import (
    Answered,
    Lasting,
    OnTime,
    Told,
    Words,
    earliest,
    end_of,
    kept_rows,
)
from vigie_server.domain.rules import Rule
from vigie_server.domain.statements import LANGUAGES, Phrase, Statement
from vigie_server.domain.topics import PLATFORMS
from vigie_server.domain.verdicts import Status, Verdict

_Answer = TypeVar("_Answer")

_NOTHING_MEASURED: Final[Mapping[str, float]] = {}


class _NoAnswer(Exception):
    """The rule neither passes nor fails, and why."""

    def __init__(self, status: Status, reason: Texts) -> None:
        super().__init__(status)
        self.status: Final = status
        self.reason: Final = reason


class Hearing:
    """One rule on one case, in the order in which a doubt outranks an answer."""

    def __init__(self, case: CaseFile, rule: Rule, setting: Setting) -> None:
        self._case: Final = case
        self._rule: Final = rule
        self._setting: Final = setting
        self._asides: Asides = {}
        self._failed = False
        self._told: Told | None = None
        self._shown: tuple[Statement, Sequence[int], Mapping[str, object]] | None = None
        self.fresh_end: datetime | None = None

    def verdict(self) -> Verdict:
        """What the rule says of the device."""
        try:
            self._check_device()
            self._check_evidence()
            return self._answer()
        except _NoAnswer as without:
            return Verdict(self._rule.id, self._rule.version, without.status, without.reason)

    def words(self) -> Words | None:
        """How the verdict is worded of other texts; None where it is the same of any."""
        if self._failed or self._shown is None or not self._rule.asks:
            return None
        statement, numbers, values = self._shown
        found = [self._case.place_of(self._rule, number) for number in numbers]
        places = tuple([place for place in found if place is not None])
        topics = tuple(dict.fromkeys([topic for topic, _ in places]))
        return Words(statement.about(len(places), values), places, topics)

    def lasting(self, on_time: OnTime, answered: Answered) -> Lasting | None:
        """How long the verdict stands on the same evidence; None where that is not known."""
        if self._failed:
            return None
        return on_time.lasting(answered, self._told, self._case.values)

    def _check_device(self) -> None:
        platform = self._case.device.platform
        if platform not in PLATFORMS:
            raise _NoAnswer(Status.UNKNOWN, reasons.PLATFORM_NOT_KNOWN)
        if platform not in self._rule.platforms:
            raise _NoAnswer(Status.NOT_APPLICABLE, reasons.NOT_APPLICABLE_PLATFORM)
        if self._setting.wrong is not None:
            raise _NoAnswer(Status.UNKNOWN, reasons.parameter_wrong(self._setting.wrong))
        applies = self._rule.conditions.applies
        if applies is not None and not self._decided(applies.holds(self._case.evidence)):
            raise _NoAnswer(Status.NOT_APPLICABLE, reasons.NOT_APPLICABLE_DEVICE)

    def _check_evidence(self) -> None:
        for read in self._rule.reads.values():
            doubt = self._case.refusal(self._rule, read)
            if doubt is not None:
                raise _NoAnswer(Status.UNKNOWN, doubt)
        if not self._rule.partial or not self._case.anything(self._rule):
            self._check_parts()

    def _check_parts(self) -> None:
        for read in self._rule.reads.values():
            missing = self._case.missing(read)
            if missing is not None:
                raise _NoAnswer(Status.UNKNOWN, missing)

    def _answer(self) -> Verdict:
        conditions = self._rule.conditions
        told = self._decided(conditions.decision.told(self._case.evidence))
        place, numbers, self._asides = told
        self._told = Told(place, tuple(numbers), self._asides)
        outcome = conditions.outcomes[place]
        if outcome.status is Status.UNKNOWN:
            raise _NoAnswer(Status.UNKNOWN, self._said(outcome.statement, numbers))
        if self._rule.partial and outcome.status not in self._rule.partial:
            self._check_parts()
        if outcome.status is Status.NOT_APPLICABLE:
            raise _NoAnswer(Status.NOT_APPLICABLE, self._said(outcome.statement, numbers))
        passes = outcome.status is Status.PASS
        return Verdict(
            rule=self._rule.id,
            rule_version=self._rule.version,
            status=outcome.status,
            reason=self._said(outcome.statement, numbers),
            offending=() if passes else kept_rows(self._rule, self._rows(numbers)),
            next_check_at=self._next_check(passes=passes),
            measures=self._measures() if conditions.measures else _NOTHING_MEASURED,
        )

    def _said(self, statement: Statement, numbers: Sequence[int]) -> Texts:
        """The sentence about these rows."""
        values = {name: self._named(name) for name in statement.names}
        if numbers:
            self._shown = statement, numbers, values
        return statement.said(self._rows(numbers), values)

    def _rows(self, numbers: Sequence[int]) -> Sequence[FactRow]:
        return [self._case.rows[number] for number in numbers]

    def _decided(self, answer: _Answer | Problem) -> _Answer:
        """The answer; where an evaluation failed, the part that it lacked or the failure."""
        if isinstance(answer, Problem):
            self._failed = True
            if self._rule.partial:
                self._check_parts()
            raise _NoAnswer(Status.UNKNOWN, reasons.problem(answer))
        return answer

    def _next_check(self, *, passes: bool) -> datetime | None:
        """The end of the evidence's age or of a pass's own freshness, whichever is first.

        A pass measured against the moment of its evidence outlives `fresh_until` until the device
        is heard again, even with nothing changed: it is asked again every hour.
        """
        now = self._case.now
        too_old: datetime | None = None
        for topic in self._rule.reads:
            end = self._case.observed_at(topic) + self._rule.max_age
            if too_old is None or end < too_old:
                too_old = end
        condition = self._rule.conditions.fresh_until
        if passes and condition is not None:
            fresh_until = self._decided(self._number(condition))
            if fresh_until is not None:
                self.fresh_end = end_of(fresh_until)
        return earliest(too_old, self.fresh_end, now)

    def _measures(self) -> Mapping[str, float]:
        measured = {}
        for name, condition in self._rule.conditions.measures.items():
            value = self._number(condition)
            if value is not None and not isinstance(value, Problem):
                measured[name] = float(value)
        return measured

    def _number(self, condition: Condition) -> int | float | Problem | None:
        known = self._asides.get(condition, False)
        return condition.number(self._case.evidence) if isinstance(known, bool) else known

    def _holds(self, condition: Condition) -> bool:
        known = self._asides.get(condition)
        if known is None:
            known = condition.holds(self._case.evidence) is True
        return known is True

    def _named(self, name: str) -> object:
        """What a sentence names: `p.<parameter>`, `v.<figure>`, `w.<words>`, `device.<field>`."""
        kind, _, rest = name.partition(".")
        if kind == "p":
            return self._setting.values[rest]
        if kind == "v":
            value = self._number(self._rule.conditions.figures[rest])
            return None if isinstance(value, Problem) else value
        if kind == "w":
            wordings = self._rule.conditions.words[rest]
            said = [w.texts for w in wordings if self._holds(w.when)]
            return Phrase(tuple(tuple(texts[key] for texts in said) for key in LANGUAGES))
        return self._case.device.named(name)
