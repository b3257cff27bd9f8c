"""`/api/v1/api-tokens`: what lets programs read and act, for administrators.

A secret is shown once, in the answer that made it. The same request under the same
`Idempotency-Key` is shown it again; the answer is kept as only its sender opens it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.account_terms import CONTRACTOR_DAYS
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.ports.tokens import ApiCaller, ApiTokenTerms, Role
from vigie_server.web.access import ADMINISTRATORS, Access, acting, reaches, require_reach
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.held import MOST_DAYS, HeldOf, ScopeSent, SecretMade, scope_sent
from vigie_server.web.listing import Paged, PageShape
from vigie_server.web.repeating import SHOWS_SECRET
from vigie_server.web.tags import TAGGED

MOST_OVERLAP: Final = 24 * 30


class ApiTokenSent(BaseModel):
    """What an API token allows. A contractor's names its sites and lasts a year at most."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["ACME Informatique"])
    role: Role = Field(examples=["contractor"])
    sites: ScopeSent = None
    days: int = Field(180, ge=1, le=MOST_DAYS)
    personal_data: bool = Field(
        default=False,
        description="A contractor sees names of people in evidence too; other roles always do.",
    )


class RotationSent(BaseModel):
    """How an API token is given a new secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: int = Field(
        24,
        ge=0,
        le=MOST_OVERLAP,
        description="Hours that the secret before is good for; 0 after it was seen by others.",
    )


class ApiTokenShape(BaseModel):
    """An API token. `sites` null: every site. `personal_data`: it sees names of people.

    `previous_until`: how long the secret before the last rotation is good.
    """

    id: str
    name: str
    role: Role
    sites: list[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked: bool
    personal_data: bool
    previous_until: datetime | None

    @classmethod
    def of(cls, held: ApiTokenTerms) -> "ApiTokenShape":
        """The token without its secret."""
        return cls(
            id=held.id,
            name=held.name,
            role=held.role,
            sites=None if held.sites is None else sorted(held.sites),
            created_at=held.created_at,
            expires_at=held.expires_at,
            last_used_at=held.last_used_at,
            revoked=held.revoked,
            personal_data=held.personal_data,
            previous_until=held.previous_until,
        )


class ApiTokenList(PageShape[ApiTokenShape]):
    """API tokens, in the order of their ids."""


def api_tokens_router(access: Access, *, desk: TokenDesk, now: Callable[[], datetime]) -> APIRouter:
    """The routes of what lets programs read."""
    router = APIRouter(prefix="/api/v1/api-tokens")
    Administrator = Annotated[ApiCaller, Depends(access.allow(ADMINISTRATORS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    tokens = HeldOf[ApiTokenTerms, ApiTokenShape](
        "API token",
        lambda _, after, limit: desk.api_by_id(after, limit),
        desk.api_token,
        lambda caller, token: reaches(caller, token.sites),
        ApiTokenShape.of,
        ApiTokenList,
        ApiTokenShape,
    )

    @router.get("", response_model=ApiTokenList)
    def list_tokens(caller: Administrator, asked: Paged) -> Response:
        """API tokens that reach no further than the caller, without their secrets."""
        return tokens.page(caller, asked)

    @router.post("", status_code=HTTPStatus.CREATED, openapi_extra=SHOWS_SECRET)
    def make(sent: ApiTokenSent, caller: Administrator) -> SecretMade:
        """Makes a token that reaches no further than the caller, and shows it this once."""
        sites = scope_sent(sent.sites)
        require_reach(caller, sites)
        if sent.role is Role.CONTRACTOR and (sites is None or sent.days > CONTRACTOR_DAYS):
            raise DeclarationRefused(
                f"a contractor's token names its sites and lasts {CONTRACTOR_DAYS} days at most"
            )
        token_id, text = desk.api(
            name=sent.name,
            role=sent.role,
            sites=sites,
            lifetime=timedelta(days=sent.days),
            personal_data=sent.personal_data,
            act=acting(caller, now()),
        )
        return SecretMade(id=token_id, token=text)

    @router.get("/{token_id}", response_model=ApiTokenShape, responses=TAGGED)
    def show(token_id: str, caller: Administrator, request: Request) -> Response:
        """One token, without its secret."""
        return tokens.tagged(caller, token_id, request)

    @router.post("/{token_id}/rotate", responses=CONDITIONAL, openapi_extra=SHOWS_SECRET)
    def rotate(token_id: str, sent: RotationSent, caller: Administrator, when: When) -> SecretMade:
        """Gives the token a new secret, and shows it this once. Its end stays."""
        tokens.one(caller, token_id)
        text = desk.rotate(
            token_id,
            acting(caller, now()),
            when.on(ApiTokenShape.of),
            overlap=timedelta(hours=sent.overlap_hours),
        )
        return SecretMade(id=token_id, token=text)

    @router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def revoke(token_id: str, caller: Administrator, when: When) -> None:
        """Who holds this token reads no more, from the next request on."""
        tokens.one(caller, token_id)
        desk.revoke(token_id, acting(caller, now()), api=when.on(ApiTokenShape.of))

    return router
