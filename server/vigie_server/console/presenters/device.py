"""A device: its verdicts by question, and its card."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.cards import FIELDS, Card, cell_in
from vigie_server.domain.documents import Texts
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.ports.readers import VerdictRecord

Cells = Sequence[Sequence[object]]
_STEP: Final = re.compile(r"^\d+\.\s+", re.MULTILINE)
_SHOWN_FIRST: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)
_GRAVITY: Final = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2}


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """Rows as a table: the names of its columns, then the cells."""

    columns: Sequence[str]
    cells: Cells


@dataclass(frozen=True, slots=True)
class VerdictSeen:
    """A verdict with what its rule says. `kind` is its status, or `waived`."""

    record: VerdictRecord
    kind: str
    title: Texts
    severity: str
    beyond_guide: bool
    why: Texts
    remediation: Texts
    rows: RowsSeen
    steps_wanted: bool


@dataclass(frozen=True, slots=True)
class QuestionOfDevice:
    """The verdicts of one question of the guide, the worst first."""

    number: int
    title: Texts
    verdicts: Sequence[VerdictSeen]

    @property
    def failing(self) -> int:
        """Fails whose risk nobody accepted."""
        return sum(seen.kind == Status.FAIL for seen in self.verdicts)


def by_question(
    records: Sequence[VerdictRecord],
    rules: Mapping[str, Rule],
    titles: Mapping[int, Texts],
    platform: str,
) -> Sequence[QuestionOfDevice]:
    """The verdicts of a device; those of rules that are gone come by the number of their id."""
    held: dict[int, list[VerdictSeen]] = {}
    for record in records:
        rule = rules.get(record.rule)
        number = _question_of(record.rule) if rule is None else rule.question
        held.setdefault(number, []).append(_verdict(record, rule, platform))
    return [
        QuestionOfDevice(number, titles.get(number, {}), sorted(seen, key=_gravity))
        for number, seen in sorted(held.items())
    ]


def rows_of(rows: Sequence[Mapping[str, object]]) -> RowsSeen:
    """Rows as a table; a cell that a row lacks is None."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return RowsSeen(columns, [[row.get(name) for name in columns] for row in rows])


def steps(text: str) -> Sequence[str]:
    """The steps of a remediation, without their numbers; a text without numbers is one step."""
    return [step.strip() for step in _STEP.split(text) if step.strip()]


def card_lines(card: Card, language: str) -> Sequence[tuple[str, str, str]]:
    """Every field of an asset card: its name, its title, its value or nothing."""
    return [
        (
            name,
            field.fr if language == "fr" else field.en,
            cell_in(language, name, card.cells[name]) if name in card.cells else "",
        )
        for name, field in FIELDS.items()
    ]


def _verdict(record: VerdictRecord, rule: Rule | None, platform: str) -> VerdictSeen:
    waived = record.waived and record.status is Status.FAIL
    return VerdictSeen(
        record=record,
        kind="waived" if waived else record.status.value,
        title={"fr": record.rule, "en": record.rule} if rule is None else rule.title,
        severity="" if rule is None else rule.severity.value,
        beyond_guide=rule is not None and rule.beyond_guide,
        why={} if rule is None else rule.why,
        remediation={} if rule is None else _remediation(rule, platform),
        rows=rows_of(record.offending),
        steps_wanted=record.status in {Status.FAIL, Status.UNKNOWN},
    )


def _remediation(rule: Rule, platform: str) -> Texts:
    return rule.remediation.get(platform) or rule.remediation.get("any", {})


def _gravity(seen: VerdictSeen) -> tuple[int, int, str]:
    severity = _GRAVITY[Severity(seen.severity)] if seen.severity else len(_GRAVITY)
    return _SHOWN_FIRST.index(seen.record.status), severity, seen.record.rule


def _question_of(rule: str) -> int:
    return int(rule[1:3]) if rule[1:3].isdigit() else 0
