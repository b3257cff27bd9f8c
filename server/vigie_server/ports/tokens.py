"""Tokens: who may call the API, who may enrol."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vigie_server.ports.conditions import Require, whatever


class Role(StrEnum):
    """What a token of the API may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    CONTRACTOR = "contractor"
    SCRAPE = "scrape"


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Who calls: the token's id and name, its role, and its sites (None: every site).

    `person`: an account, signed in by a browser, whose name stands in both places.
    `personal_data`: whether it sees names of people in evidence.
    """

    token_id: str
    name: str
    role: Role
    sites: frozenset[str] | None = field(default=None)
    person: bool = False
    personal_data: bool = True


class ApiTokens(Protocol):
    """Knows the tokens of the API. Blocking: call it from a worker thread."""

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        """Who holds this token. Raises TokenRefused, without saying what is wrong with it."""
        ...


@dataclass(frozen=True, slots=True)
class ApiTokenTerms:
    """An API token as people see it; its secret is shown once, when it is made."""

    id: str
    name: str
    role: Role
    sites: frozenset[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked: bool
    personal_data: bool = True
    """Whether its holder sees names of people in evidence."""
    previous_until: datetime | None = None
    """Until when the secret before its last rotation is good."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """What every token has: an id to name it by, the hash of its secret, its beginning and end.

    `actor` made it, for the audit.
    """

    id: str
    secret_hash: bytes
    made_at: datetime
    expires_at: datetime
    actor: str


class TokenStore(Protocol):
    """Tokens of both kinds, by the hash of their secret. Blocking: call it from a worker thread."""

    def add_enrolment_token(
        self,
        token: NewToken,
        *,
        site: str,
        profile: str,
        max_uses: int,
        serials: Collection[str] | None,
    ) -> None:
        """Adds a token, and its site when it is new."""
        ...

    def add_api_token(
        self,
        token: NewToken,
        *,
        name: str,
        role: Role,
        sites: frozenset[str] | None,
        personal_data: bool = True,
    ) -> None: ...

    def rotate(
        self,
        token_id: str,
        secret_hash: bytes,
        require: Require[ApiTokenTerms] = whatever,
        *,
        now: datetime,
        until: datetime,
        actor: str,
    ) -> None:
        """Gives an API token a new secret; the one before is good until then. Raises NotFound."""
        ...

    def api_caller(self, secret_hash: bytes, *, now: datetime) -> ApiCaller:
        """Raises TokenRefused."""
        ...
