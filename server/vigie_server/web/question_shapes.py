"""What the API says of live questions, and what it is told of one to ask."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.asking import Addressed, Asking, Target
from vigie_server.domain.questions import ApprovedQuestion
from vigie_server.ports.asking import AskedQuestion, DeviceAnswer
from vigie_server.web.listing import PageShape

MOST_NAMED = 1_000
"""Devices that one request names."""


class QuestionSent(BaseModel):
    """A question to ask: `question` (an approved one's id) or `sql`; whom: one of the four."""

    model_config = ConfigDict(extra="forbid")

    question: str | None = None
    parameters: dict[str, str] = {}
    sql: str | None = None
    purpose: str = Field(description="Why it is asked; the device's user sees it.")
    devices: list[str] = Field(default=[], max_length=MOST_NAMED)
    site: str | None = None
    group: str | None = None
    every: bool = Field(default=False, description="Every device of the caller's sites.")
    rows: int | None = Field(default=None, description="Rows of one device at most.")
    within_seconds: float | None = Field(default=None, gt=0, le=31_536_000)

    def asking(self) -> Asking:
        """What is to be asked. Raises DeclarationRefused."""
        return Asking(
            target=Target(tuple(self.devices), self.site, self.group, self.every),
            purpose=self.purpose,
            question=self.question,
            parameters=self.parameters,
            sql=self.sql,
            rows=self.rows,
            within=None if self.within_seconds is None else timedelta(seconds=self.within_seconds),
        )


class AskedShape(BaseModel):
    """Whom a question goes to. `id` is null on a dry run: nothing was asked."""

    id: str | None
    devices: int
    by_platform: dict[str, int]
    unsuited: int = Field(description="Devices with a platform that the question has no SQL for.")
    personal: bool

    @classmethod
    def of(cls, found: Addressed, question_id: str | None, *, personal: bool) -> "AskedShape":
        """How many of which platform."""
        platforms = sorted({one.platform for one in found.asked})
        return cls(
            id=question_id,
            devices=len(found.asked),
            by_platform={
                platform: sum(one.platform == platform for one in found.asked)
                for platform in platforms
            },
            unsuited=len(found.unsuited),
            personal=personal,
        )


class ProgressShape(BaseModel):
    """Devices in all, those with an answer, and by outcome. `done`: nothing more will come."""

    devices: int
    answered: int
    outcomes: dict[str, int]
    done: bool


class QuestionShape(BaseModel):
    """A question and how far it has come, among the devices of the caller's sites."""

    id: str
    question: str | None
    title: dict[str, str]
    sql: dict[str, str]
    purpose: str
    asked_by: str
    role: str
    personal: bool
    target: str
    rows: int
    asked_at: datetime
    until: datetime
    cancelled_at: datetime | None
    progress: ProgressShape

    @classmethod
    def of(cls, asked: AskedQuestion) -> "QuestionShape":
        """The question, word for word."""
        question = asked.question
        return cls(
            id=question.id,
            question=question.approved or None,
            title=dict(question.title),
            sql=dict(question.sql),
            purpose=question.purpose,
            asked_by=question.asked_by,
            role=question.role,
            personal=question.personal,
            target=question.target,
            rows=question.rows,
            asked_at=question.asked_at,
            until=question.until,
            cancelled_at=asked.cancelled_at,
            progress=progress_shape(asked),
        )


def progress_shape(asked: AskedQuestion) -> ProgressShape:
    """How far it has come."""
    found = asked.progress
    return ProgressShape(
        devices=found.devices,
        answered=found.answered,
        outcomes=dict(found.outcomes),
        done=found.done,
    )


class AnswerShape(BaseModel):
    """What one device answered, or why it did not (`outcome`, `message`)."""

    device: str
    hostname: str
    site: str
    platform: str
    outcome: str
    message: str
    answered_at: datetime | None
    rows: list[dict[str, str]]

    @classmethod
    def of(cls, answer: DeviceAnswer) -> "AnswerShape":
        """The answer, its rows by the names of their columns."""
        return cls(
            device=answer.device,
            hostname=answer.hostname,
            site=answer.site,
            platform=answer.platform,
            outcome=answer.outcome.value,
            message=answer.message,
            answered_at=answer.answered_at,
            rows=[dict(zip(answer.columns, row, strict=True)) for row in answer.rows],
        )


class QuestionList(PageShape[QuestionShape]):
    """Questions, the newest first."""


class AnswerList(PageShape[AnswerShape]):
    """Devices that were asked, each with its answer."""


class ApprovedShape(BaseModel):
    """An approved question. `personal` says which personal data answers hold; null: none."""

    id: str
    title: dict[str, str]
    why: dict[str, str]
    personal: dict[str, str] | None
    columns: dict[str, str]
    parameters: dict[str, str]
    platforms: list[str]

    @classmethod
    def of(cls, question: ApprovedQuestion) -> "ApprovedShape":
        """The question as people read it."""
        return cls(
            id=question.id,
            title=dict(question.title),
            why=dict(question.why),
            personal=None if question.personal is None else dict(question.personal),
            columns=dict(question.columns),
            parameters={name: one.about for name, one in question.parameters.items()},
            platforms=sorted(question.sql),
        )


class FreeShape(BaseModel):
    """Whether SELECTs of the asker's own may be asked of a site."""

    model_config = ConfigDict(extra="forbid")

    free: bool
