"""DNS answers as rules see them, and questions that a decision still has to ask.

A decision is a function over `Known` answers. Where one is lacking it stops at `NotAsked`; whoever
runs it looks the answer up and runs it again (`settled`). So the whole of a decision, chains of
includes and their loops, is pure, and the one that asks is bounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

Decided = TypeVar("Decided")

MOST_RECORDS: Final = 100
"""Records of one answer that are looked at."""


class Kind(StrEnum):
    """Record types that are asked for."""

    TXT = "TXT"
    MX = "MX"
    A = "A"
    AAAA = "AAAA"


class Outcome(StrEnum):
    """What became of a question. Only the first two are answers."""

    FOUND = "found"
    ABSENT = "absent"  # no such name, or no record of this type
    FAILED = "failed"  # SERVFAIL, REFUSED, or an answer that cannot be read
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Question:
    """A name, lower case and without its final dot, and a type."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Answer:
    """The records: TXT as one text each (octets as Latin-1), MX as `10 host`, addresses as text."""

    outcome: Outcome
    records: tuple[str, ...] = ()
    no_such_name: bool = False

    @property
    def known(self) -> bool:
        """Whether it says something, if only that there is nothing."""
        return self.outcome in {Outcome.FOUND, Outcome.ABSENT}


class NotAsked(Exception):
    """A decision needs an answer that is not known yet."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.name)
        self.question = question


@dataclass(frozen=True, slots=True)
class Known:
    """The answers so far."""

    answers: Mapping[Question, Answer] = field(default_factory=dict)

    def answer(self, name: str, kind: Kind) -> Answer:
        """Raises NotAsked."""
        question = Question(name.lower().rstrip("."), kind)
        found = self.answers.get(question)
        if found is None:
            raise NotAsked(question)
        return found


def settled(decide: Callable[[Known], Decided], known: Known) -> Decided | Question:
    """What is decided, or the question to ask first."""
    try:
        return decide(known)
    except NotAsked as lacking:
        return lacking.question
