"""A site's thirteen questions, with what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.plan import effort_of
from vigie_server.domain.facility_report.questions import HEADINGS
from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.maturity import LevelRecord


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, and where: `attest`, `declare`, `mend`, ... about a rule or attestation."""

    need: str
    subject: str
    words: Texts
    effort: int


@dataclass(frozen=True, slots=True)
class First:
    """A step that goes before others, and the question it serves."""

    question: int
    step: Step


@dataclass(frozen=True, slots=True)
class QuestionSeen:
    """A question at a site; `level` None: not assessed."""

    number: int
    title: Texts
    level: int | None
    here: Texts
    next: Texts
    reason: Texts
    steps: Sequence[Step]
    since: datetime | None


def question_titles(guide: SiteGuide) -> Mapping[int, Texts]:
    """Those of our own words; of a question that no rule of devices is about, the guide's."""
    return {**HEADINGS, **guide.questions}


def questions(records: Sequence[LevelRecord], guide: SiteGuide) -> Sequence[QuestionSeen]:
    """All thirteen, whether they were looked at or not."""
    held = {record.question: record for record in records}
    return [_question(number, held.get(number), guide) for number in QUESTIONS]


def first_steps(seen: Sequence[QuestionSeen], most: int) -> Sequence[First]:
    """What to begin with: what costs least, for the lowest levels first, each thing once."""
    found: dict[tuple[str, str], tuple[int, int, First]] = {}
    for question in seen:
        for step in question.steps:
            place = (step.effort, question.level or 0, First(question.number, step))
            known = found.setdefault((step.need, step.subject), place)
            if place[:2] < known[:2]:
                found[step.need, step.subject] = place
    ordered = sorted(found.values(), key=lambda place: (*place[:2], place[2].question))
    return [first for _, _, first in ordered[:most]]


def _question(number: int, record: LevelRecord | None, guide: SiteGuide) -> QuestionSeen:
    words = guide.words.get(number, {})
    level = None if record is None else record.level
    return QuestionSeen(
        number=number,
        title=question_titles(guide).get(number, {}),
        level=level,
        here={} if level is None else words.get(level, {}),
        next=words.get(1 if level is None else level + 1, {}),
        reason={} if record is None else record.reason,
        steps=[] if record is None else [_step(action) for action in record.actions],
        since=None if record is None else record.since,
    )


def _step(action: Mapping[str, object]) -> Step:
    words = action.get("words")
    subject = str(action.get("subject", ""))
    return Step(
        need=str(action.get("need", "")),
        subject=subject,
        words=words if isinstance(words, dict) else {"fr": subject, "en": subject},
        effort=effort_of(action),
    )
