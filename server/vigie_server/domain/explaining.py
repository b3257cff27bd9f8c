"""How a rule comes to its verdict on a device: what it looks at, step by step, for people.

The steps are asked of the same case file as the judge asks, in the same order; the verdict itself
is the judge's. `tests/contract/test_explained_verdicts.py` holds the two together on every example.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain import reasons
from vigie_server.domain.casefile import CaseFile
from vigie_server.domain.conditions import Problem
from vigie_server.domain.declared import DECLARED, Said
from vigie_server.domain.devices import Device
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.judge import Judge
from vigie_server.domain.parameters import Setting
from vigie_server.domain.rules import Rule
from vigie_server.domain.statements import day
from vigie_server.domain.topics import PLATFORMS
from vigie_server.domain.verdicts import Status, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is asked on the way. `status` where the way ends here."""

    asked: Texts
    found: Texts
    status: Status | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """The rows of a topic as the rule sees them; `deciding` are the places of those that decide."""

    topic: str
    columns: Sequence[str]
    rows: Sequence[FactRow]
    deciding: frozenset[int]


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict, and all that led to it."""

    rule: Rule
    device: Device
    setting: Setting
    declared: Mapping[str, Said]
    named: Mapping[str, object]
    looked: Sequence[Looked]
    steps: Sequence[Step]
    verdict: Verdict


def explain(
    judge: Judge, rule: Rule, device: Device, facts: Mapping[str, Fact], *, now: datetime
) -> Explained:
    """The verdict of one rule of the judge's catalogue, explained."""
    catalogue = judge.catalogue
    setting = judge.setting(rule, device)
    case = CaseFile(
        device,
        facts,
        catalogue.topics,
        now=now,
        layout=judge.layout((rule,)),
        settings=(setting,),
        whys=catalogue.whys,
    )
    way = _Way(case, rule, setting)
    steps = tuple(way.steps())
    return Explained(
        rule=rule,
        device=device,
        setting=setting,
        declared={
            name: device.declared[name]
            for name in DECLARED
            if name in device.declared and name in rule.names
        },
        named={name: device.named(name) for name in sorted(rule.names) if name not in DECLARED},
        looked=tuple(_looked(case, rule, way.deciding)),
        steps=steps,
        verdict=judge.verdict(rule, device, facts, now=now),
    )


def _looked(case: CaseFile, rule: Rule, deciding: frozenset[int]) -> Iterator[Looked]:
    for read in rule.reads.values():
        places = case.shown_of(read.variable)
        yield Looked(
            topic=read.topic,
            columns=("part", *sorted(read.columns)),
            rows=[case.rows[place] for place in places],
            deciding=frozenset(n for n, place in enumerate(places) if place in deciding),
        )


class _Way:
    """The questions in the order in which the judge asks them."""

    def __init__(self, case: CaseFile, rule: Rule, setting: Setting) -> None:
        self._case: Final = case
        self._rule: Final = rule
        self._setting: Final = setting
        self.deciding: frozenset[int] = frozenset()

    def steps(self) -> Iterator[Step]:
        """Each step; the last one has a status."""
        for step in self._all():
            yield step
            if step.status is not None:
                return

    def _all(self) -> Iterator[Step]:
        yield from self._about_device()
        for read in self._rule.reads.values():
            doubt = self._case.refusal(self._rule, read)
            asked = _about(_EVIDENCE, self._case.title(read))
            if doubt is None:
                at = self._case.observed_at(read.topic)
                yield Step(asked, _dated(_ANSWERED, at))
            else:
                yield Step(asked, doubt, Status.UNKNOWN)
        partial = bool(self._rule.partial) and self._case.anything(self._rule)
        yield from self._parts(ends=not partial)
        yield from self._decision()

    def _about_device(self) -> Iterator[Step]:
        platform = self._case.device.platform
        if platform not in PLATFORMS:
            yield Step(_PLATFORM, reasons.PLATFORM_NOT_KNOWN, Status.UNKNOWN)
        elif platform not in self._rule.platforms:
            yield Step(_PLATFORM, reasons.NOT_APPLICABLE_PLATFORM, Status.NOT_APPLICABLE)
        else:
            yield Step(_PLATFORM, {"fr": platform, "en": platform})
        if self._setting.wrong is not None:
            found = reasons.parameter_wrong(self._setting.wrong)
            yield Step(_PARAMETERS, found, Status.UNKNOWN)
        applies = self._rule.conditions.applies
        if applies is None:
            return
        answer = applies.holds(self._case.evidence)
        if isinstance(answer, Problem):
            yield from self._failed(_APPLIES, answer, applies.text)
        else:
            status = None if answer else Status.NOT_APPLICABLE
            yield Step(_APPLIES, _YES if answer else _NO, status, applies.text)

    def _parts(self, *, ends: bool) -> Iterator[Step]:
        for read in self._rule.reads.values():
            missing = self._case.missing(read)
            asked = _about(_PARTS, self._case.title(read))
            if missing is None:
                yield Step(asked, _YES)
            elif ends:
                yield Step(asked, missing, Status.UNKNOWN)
            else:
                yield Step(asked, {lang: self._stands(missing[lang], lang) for lang in missing})

    def _stands(self, missing: str, language: str) -> str:
        admitted = (reasons.STATUSES[status][language] for status in sorted(self._rule.partial))
        return f"{missing} {_STANDS[language]} {', '.join(admitted)}."

    def _failed(self, asked: Texts, problem: Problem, text: str) -> Iterator[Step]:
        """An evaluation that failed: a part that is missing explains it better."""
        if self._rule.partial:
            yield from self._parts(ends=True)
        yield Step(asked, reasons.problem(problem), Status.UNKNOWN, text)

    def _decision(self) -> Iterator[Step]:
        conditions = self._rule.conditions
        answer = conditions.decision.taken(self._case.evidence)
        if isinstance(answer, Problem):
            yield from self._failed(_DECISION, answer, "")
            return
        place, numbers = answer
        for earlier in range(place):
            status = conditions.outcomes[earlier].status
            yield Step(_BRANCHES[status], _NO, None, conditions.branches[earlier].when or "")
        outcome = conditions.outcomes[place]
        self.deciding = frozenset(numbers)
        when = conditions.branches[place].when
        if outcome.status is Status.UNKNOWN:
            yield Step(_BRANCHES[outcome.status], _YES, outcome.status, when or "")
        if self._rule.partial and outcome.status not in self._rule.partial:
            yield from (step for step in self._parts(ends=True) if step.status is not None)
        if outcome.status is not Status.PASS or conditions.fresh_until is None:
            found = _YES if when is not None else _OTHERWISE
            yield Step(_BRANCHES[outcome.status], found, outcome.status, when or "")
            return
        yield Step(_BRANCHES[outcome.status], _YES, None, when or "")
        until = conditions.fresh_until
        number = until.number(self._case.evidence)
        if isinstance(number, Problem):
            yield from self._failed(_FRESH, number, until.text)
        elif number is None:
            yield Step(_FRESH, _NO_END, Status.PASS, until.text)
        else:
            told = {language: day(number, language) for language in _YES}
            yield Step(_FRESH, told, Status.PASS, until.text)


def _about(asked: Texts, title: Texts) -> Texts:
    return {language: f"{text} « {title[language]} »" for language, text in asked.items()}


def _dated(found: Texts, at: datetime) -> Texts:
    return {language: f"{text} {at:%Y-%m-%d %H:%M} UTC" for language, text in found.items()}


_PLATFORM: Final[Texts] = {"fr": "Système du poste", "en": "System of the device"}
_PARAMETERS: Final[Texts] = {"fr": "Réglages", "en": "Parameters"}
_APPLIES: Final[Texts] = {"fr": "La règle concerne ce poste", "en": "The rule concerns the device"}
_EVIDENCE: Final[Texts] = {
    "fr": "Preuve reçue et lisible sur",
    "en": "Evidence received, readable:",
}
_ANSWERED: Final[Texts] = {"fr": "oui, relevée le", "en": "yes, true at"}
_PARTS: Final[Texts] = {"fr": "Toutes les parties lues de", "en": "Every part that is read of"}
_STANDS: Final[Texts] = {
    "fr": "La règle l'admet pour un verdict",
    "en": "The rule admits it for a verdict of",
}
_DECISION: Final[Texts] = {"fr": "Évaluation", "en": "Evaluation"}
_FRESH: Final[Texts] = {"fr": "Conforme jusqu'au", "en": "A pass until"}
_NO_END: Final[Texts] = {"fr": "sans fin", "en": "no end"}
_YES: Final[Texts] = {"fr": "oui", "en": "yes"}
_NO: Final[Texts] = {"fr": "non", "en": "no"}
_OTHERWISE: Final[Texts] = {"fr": "oui, par défaut", "en": "yes, as nothing else holds"}
_BRANCHES: Final[Mapping[Status, Texts]] = {
    Status.NOT_APPLICABLE: {"fr": "Sans objet si", "en": "Not applicable when"},
    Status.UNKNOWN: {"fr": "Indéterminé si", "en": "Unknown when"},
    Status.PASS: {"fr": "Conforme si", "en": "Pass when"},
    Status.FAIL: {"fr": "Non conforme", "en": "Fail"},
}
