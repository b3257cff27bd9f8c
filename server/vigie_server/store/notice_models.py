"""The tables of notices: who is told, what was told of, messages and their way to each recipient.

As in `models`: keys are of this store only, instants are `Instant`, JSON is text.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base, Key


class NoticeRecipient(Base, table=True):
    """Somebody who is told. `extent_key` is a site's or a body's; null: every site.

    `secret` says where a webhook's key is. One that was removed stays, for what it was sent.
    """

    __tablename__ = "notice_recipient"

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    extent: str = Field(sa_type=Text)
    extent_key: int | None = Field(default=None, sa_type=Key)
    channel: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    secret: str = Field(default="", sa_type=Text)
    language: str = Field(sa_type=Text)
    critical: bool
    digest: bool
    author: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    removed_at: datetime | None = Field(default=None, sa_type=Instant)


class NoticeMark(Base, table=True):
    """What stands at a site and was noticed; `told_at` is when it was put into a message."""

    __tablename__ = "notice_mark"

    site_key: int = Field(primary_key=True, foreign_key="site.key", sa_type=Key)
    what: str = Field(primary_key=True, sa_type=Text)
    subject: str = Field(primary_key=True, sa_type=Text)
    since: datetime = Field(sa_type=Instant)
    noticed_at: datetime = Field(sa_type=Instant)
    told_at: datetime | None = Field(default=None, sa_type=Instant)


class Notice(Base, table=True):
    """A message. `content` is JSON; `site_key` null: of no site."""

    __tablename__ = "notice"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_notice_at", "at"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    site_key: int | None = Field(default=None, foreign_key="site.key", sa_type=Key)
    kind: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    content: str = Field(sa_type=Text)


class NoticeDelivery(Base, table=True):
    """A message on its way to one recipient."""

    __tablename__ = "notice_delivery"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_notice_delivery_state_next_try_at", "state", "next_try_at"),
        Index("ix_notice_delivery_notice_key", "notice_key"),
        Index("ix_notice_delivery_recipient_key", "recipient_key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    notice_key: int = Field(foreign_key="notice.key", sa_type=Key)
    recipient_key: int = Field(foreign_key="notice_recipient.key", sa_type=Key)
    state: str = Field(sa_type=Text)
    attempts: int = Field(default=0, sa_type=Integer)
    next_try_at: datetime | None = Field(default=None, sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    error: str = Field(default="", sa_type=Text)
