"""The table of answers kept for requests that are sent again."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Integer, LargeBinary, Text
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base


class AnsweredRequest(Base, table=True):
    """A request under a key of its sender. `status` is absent while it has no answer."""

    __tablename__ = "answered_request"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_answered_request_at", "at"),)

    actor: str = Field(primary_key=True, sa_type=Text)
    idempotency_key: str = Field(primary_key=True, sa_type=Text)
    request_digest: bytes = Field(sa_type=LargeBinary)
    status: int | None = Field(default=None, sa_type=Integer)
    media_type: str = Field(default="", sa_type=Text)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    at: datetime = Field(sa_type=Instant)
