"""The tables of people: accounts and their links, setup codes, sessions, tries to sign in."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base, Key


class AccountRow(Base, table=True):
    """A person. `folded` is the name without its case; `recovery` a JSON list of hashes."""

    __tablename__ = "account"

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    id: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text)
    folded: str = Field(sa_type=Text, unique=True)
    role: str = Field(sa_type=Text)
    sites: str | None = Field(default=None, sa_type=Text)
    language: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    password_hash: str = Field(default="", sa_type=Text)
    totp_secret: str = Field(default="", sa_type=Text)
    step: int = Field(default=0, sa_type=BigInteger)
    recovery: str = Field(default="[]", sa_type=Text)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)


class SetupCodeRow(Base, table=True):
    """A one-time code; `enrolling` is JSON, what its holder chose so far."""

    __tablename__ = "setup_code"

    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_key: int | None = Field(default=None, foreign_key="account.key", sa_type=Key)
    expires_at: datetime = Field(sa_type=Instant)
    enrolling: str | None = Field(default=None, sa_type=Text)


class WebSession(Base, table=True):
    """A browser that is signed in, by the hash of what its cookie holds."""

    __tablename__ = "web_session"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_web_session_account_key", "account_key"),
        Index("ix_web_session_expires_at", "expires_at"),
    )

    secret_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_key: int = Field(foreign_key="account.key", sa_type=Key)
    opened_at: datetime = Field(sa_type=Instant)
    used_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    id_token: str | None = Field(default=None, sa_type=Text)


class AccountLink(Base, table=True):
    """Whom an identity provider means by a claim's value: `sub`, or what a person is invited by.

    `claimed`: the account was made by claims, which say its role and sites at each sign-in.
    """

    __tablename__ = "account_link"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("issuer", "claim", "value", name="uq_account_link_issuer_claim_value"),
        Index("ix_account_link_account_key", "account_key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    account_key: int = Field(foreign_key="account.key", sa_type=Key)
    issuer: str = Field(sa_type=Text)
    claim: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    claimed: bool = Field(default=False)
    linked_at: datetime = Field(sa_type=Instant)


class SignInTry(Base, table=True):
    """Tries of a name, known or not, since it was last signed in with; kept for a day."""

    __tablename__ = "sign_in_try"
    __table_args__: ClassVar[tuple[Any, ...]] = (Index("ix_sign_in_try_at", "at"),)

    name_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    tries: int = Field(sa_type=Integer)
    at: datetime = Field(sa_type=Instant)
