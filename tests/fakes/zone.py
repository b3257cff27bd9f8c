"""DNS answers written down: what a test's names hold, for pure decisions and for a real server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from vigie_server.domain.mail.dns import Answer, Kind, Known, Outcome, Question, settled

Decided = TypeVar("Decided")
MOST_QUESTIONS = 200


@dataclass
class Zone:
    """Records by name and type. Names that are not in it do not exist."""

    records: dict[Question, tuple[str, ...]] = field(default_factory=dict)
    troubles: dict[Question, Outcome] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    def txt(self, name: str, *records: str) -> "Zone":
        return self.hold(name, Kind.TXT, *records)

    def hold(self, name: str, kind: Kind, *records: str) -> "Zone":
        self.records[Question(name, kind)] = records
        return self

    def trouble(self, name: str, kind: Kind, outcome: Outcome) -> "Zone":
        self.troubles[Question(name, kind)] = outcome
        return self

    def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        if question in self.troubles:
            return Answer(self.troubles[question])
        if question in self.records:
            return Answer(Outcome.FOUND, self.records[question])
        exists = any(known.name == question.name for known in self.records)
        return Answer(Outcome.ABSENT, no_such_name=not exists)

    def decide(self, decision: Callable[[Known], Decided]) -> Decided:
        """Runs a decision, answering what it asks, as the service does."""
        answers: dict[Question, Answer] = {}
        for _ in range(MOST_QUESTIONS):
            found = settled(decision, Known(answers))
            if not isinstance(found, Question):
                return found
            assert found not in answers, f"{found} is asked again"
            answers[found] = self.answer(found)
        raise AssertionError(f"more than {MOST_QUESTIONS} questions")


def zone_of(texts: Mapping[str, str | tuple[str, ...]]) -> Zone:
    """A zone of TXT records."""
    zone = Zone()
    for name, records in texts.items():
        zone.txt(name, *([records] if isinstance(records, str) else records))
    return zone
