"""Live questions: where they are kept, and how they reach devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.asking import Addressed, Limits, Outcome, Progress, Question, Target
from vigie_server.domain.orders import Ask
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.pages import Page, Position


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question and how far it has come, as far as the reader's sites go."""

    question: Question
    cancelled_at: datetime | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What one device answered. `columns` name what each row of `rows` holds."""

    device: str
    hostname: str
    site: str
    platform: str
    outcome: Outcome
    message: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer as it came from a device, by the device's key."""

    question_id: str
    key: int
    outcome: Outcome
    message: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """A piece of an answer, from the wire. `values` are rows one after another."""

    ask_id: str
    outcome: Outcome
    message: str
    columns: tuple[str, ...]
    values: tuple[str, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that waits, and the keys of the devices it waits for."""

    question: Question
    waiting: frozenset[int]


class QuestionStore(Protocol):
    """Questions and answers. Blocking: call it from a worker thread. Raises StoreBusy."""

    def look(self, question: Question, target: Target, within: Sites, limits: Limits) -> Addressed:
        """Whom it would go to. Raises NotFound, DeclarationRefused."""
        ...

    def ask(
        self, question: Question, target: Target, within: Sites, limits: Limits, act: Act
    ) -> Addressed:
        """Asks it. Raises NotFound, DeclarationRefused."""
        ...

    def cancel(
        self,
        question_id: str,
        within: Sites,
        act: Act,
        require: Require[AskedQuestion] = whatever,
    ) -> None:
        """No device is asked it any more. Raises NotFound."""
        ...

    def question(self, question_id: str, within: Sites, *, now: datetime) -> AskedQuestion:
        """Raises NotFound, also where none of its devices is within."""
        ...

    def questions(
        self, within: Sites, *, now: datetime, after: Position | None, limit: int
    ) -> Page[AskedQuestion]:
        """The newest first."""
        ...

    def answers(
        self, question_id: str, within: Sites, *, after: Position | None, limit: int
    ) -> Page[DeviceAnswer]:
        """Raises NotFound."""
        ...

    def answers_since(
        self, question_id: str, within: Sites, since: datetime
    ) -> Sequence[DeviceAnswer]:
        """What came at this instant or later."""
        ...

    def sites_asked(self, question_id: str, within: Sites) -> Sequence[str]:
        """The sites of the devices that it went to, by name. Raises NotFound."""
        ...

    def allow_free(
        self, site: str, act: Act, *, allowed: bool, require: Require[bool] = whatever
    ) -> None:
        """Whether askers' own SELECTs may be asked of the site. Raises NotFound."""
        ...

    def allows_free(self, site: str) -> bool:
        """Raises NotFound."""
        ...


class AskStore(Protocol):
    """What the sessions need of questions. Blocking. Raises StoreBusy."""

    def open(self, *, now: datetime) -> Sequence[OpenQuestion]:
        """Those that wait for devices."""
        ...

    def waiting(self, key: int, question_ids: Sequence[str]) -> frozenset[str]:
        """Those of the questions that still wait for this device."""
        ...

    def answer(self, given: Sequence[GivenAnswer]) -> Sequence[bool]:
        """Keeps each device's first answer to a question that waits for it; whether it was kept."""
        ...


class Conversing(Protocol):
    """A held session, as questions see it."""

    @property
    def platform(self) -> str: ...

    def ask(self, order: Ask) -> None: ...


class Following(Protocol):
    """Follows one question for one reader."""

    def look(self) -> tuple[AskedQuestion, Sequence[DeviceAnswer]]:
        """Where it stands, and the answers that were not told yet. Blocking. Raises NotFound."""
        ...
