"""The tables of live questions. As in `models`: instants are `Instant`, JSON is text."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base, Key


class QuestionRow(Base, table=True):
    """A question. `title` and `sql` are JSON, by language and by platform."""

    __tablename__ = "question"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_question_until", "until"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    approved: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    sql: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    personal: bool
    target: str = Field(sa_type=Text)
    rows: int = Field(sa_type=Integer)
    timeout_seconds: int = Field(sa_type=Integer)
    asked_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)


class QuestionAnswer(Base, table=True):
    """A device that a question is asked of, and what it answered. `columns`, `rows`: JSON."""

    __tablename__ = "question_answer"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_question_answer_question_key_answered_at", "question_key", "answered_at"),
    )

    question_key: int = Field(primary_key=True, foreign_key="question.key", sa_type=Key)
    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    outcome: str = Field(sa_type=Text)
    message: str = Field(default="", sa_type=Text)
    columns: str = Field(default="[]", sa_type=Text)
    rows: str = Field(default="[]", sa_type=Text)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class FreeQuestions(Base, table=True):
    """A site at which SELECTs of the asker's own are allowed; absent: they are not."""

    __tablename__ = "free_questions"

    site_key: int = Field(primary_key=True, foreign_key="site.key", sa_type=Key)
    allowed_at: datetime = Field(sa_type=Instant)
