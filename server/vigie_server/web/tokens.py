"""`/api/v1/enrolment-tokens` and `/api/v1/api-tokens`: what lets devices in, and what lets read.

A secret is shown once, in the answer that made its token. The same request under the same
`Idempotency-Key` is shown it again; the answer is kept as only its sender opens it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.account_terms import CONTRACTOR_DAYS
from vigie_server.domain.enrolling import TokenTerms
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.ports.pages import page_of
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.ports.tokens import ApiCaller, ApiTokenTerms, Role
from vigie_server.web.access import WRITERS, Access, acting, require_site, sees
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.repeating import SHOWS_SECRET
from vigie_server.web.tags import TAGGED, tagged

ADMINISTRATORS: Final = frozenset({Role.ADMIN})
MOST_USES: Final = 10_000
MOST_DAYS: Final = 3650


class EnrolmentTokenSent(BaseModel):
    """What an enrolment token allows. Its site is made when it is new."""

    model_config = ConfigDict(extra="forbid")

    site: str = Field(max_length=200)
    profile: Literal["standard", "critical", "low"] = "standard"
    uses: int = Field(1, ge=1, le=MOST_USES)
    days: int = Field(7, ge=1, le=MOST_DAYS)


class ApiTokenSent(BaseModel):
    """What an API token allows. A contractor's names its sites and lasts a year at most."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    role: Role
    sites: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, max_length=1000, description="Null: every site."
    )
    days: int = Field(180, ge=1, le=MOST_DAYS)


class Made(BaseModel):
    """A token's id, and its text, which is never shown again."""

    id: str
    token: str


class EnrolmentTokenShape(BaseModel):
    """An enrolment token. `serials`: the devices that it is for; null: any."""

    id: str
    site: str
    profile: str
    uses: int
    max_uses: int
    serials: list[str] | None
    expires_at: datetime
    revoked: bool

    @classmethod
    def of(cls, held: TokenTerms) -> "EnrolmentTokenShape":
        """The token without its secret."""
        return cls(
            id=held.id,
            site=held.site,
            profile=held.profile,
            uses=held.uses,
            max_uses=held.max_uses,
            serials=None if held.serials is None else sorted(held.serials),
            expires_at=held.expires_at,
            revoked=held.revoked,
        )


class ApiTokenShape(BaseModel):
    """An API token. `sites` null: every site."""

    id: str
    name: str
    role: Role
    sites: list[str] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked: bool

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
        )


class EnrolmentTokenList(PageShape[EnrolmentTokenShape]):
    """Enrolment tokens, in the order of their ids."""


class ApiTokenList(PageShape[ApiTokenShape]):
    """API tokens, in the order of their ids."""


ENROLMENT_TOKENS: Final = Listing(
    EnrolmentTokenList, EnrolmentTokenShape, EnrolmentTokenShape.of, (str,)
)
API_TOKENS: Final = Listing(ApiTokenList, ApiTokenShape, ApiTokenShape.of, (str,))


def enrolment_tokens_router(
    access: Access, *, desk: TokenDesk, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of what lets devices in."""
    router = APIRouter(prefix="/api/v1/enrolment-tokens")
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def held(caller: ApiCaller) -> list[TokenTerms]:
        return [token for token in desk.enrolment_tokens() if sees(caller, token.site)]

    def one(caller: ApiCaller, token_id: str) -> TokenTerms:
        for token in held(caller):
            if token.id == token_id:
                return token
        raise NotFound(f"no enrolment token {token_id[:40]}")

    @router.get("", response_model=EnrolmentTokenList)
    def list_tokens(caller: Writer, asked: Paged) -> Response:
        """Enrolment tokens of the caller's sites, without their secrets."""
        return ENROLMENT_TOKENS.answer(
            asked,
            lambda after, limit: page_of(
                held(caller), lambda token: (token.id,), after=after, limit=limit
            ),
        )

    @router.post("", status_code=HTTPStatus.CREATED, openapi_extra=SHOWS_SECRET)
    def make(sent: EnrolmentTokenSent, caller: Writer) -> Made:
        """Makes a token, and shows it this once: `vigie-agent enroll TOKEN`."""
        site = " ".join(sent.site.split())
        require_site(caller, site)
        token_id, text = desk.enrolment(
            site=site,
            profile=sent.profile,
            max_uses=sent.uses,
            lifetime=timedelta(days=sent.days),
            act=acting(caller, now()),
        )
        return Made(id=token_id, token=text)

    @router.get("/{token_id}", response_model=EnrolmentTokenShape, responses=TAGGED)
    def show(token_id: str, caller: Writer, request: Request) -> Response:
        """One token, without its secret."""
        return tagged(request, EnrolmentTokenShape.of(one(caller, token_id)))

    @router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def revoke(token_id: str, caller: Writer, when: When) -> None:
        """No further device gets in by this token."""
        one(caller, token_id)
        desk.revoke(token_id, acting(caller, now()), enrolment=when.on(EnrolmentTokenShape.of))

    return router


def api_tokens_router(access: Access, *, desk: TokenDesk, now: Callable[[], datetime]) -> APIRouter:
    """The routes of what lets programs read, for administrators."""
    router = APIRouter(prefix="/api/v1/api-tokens")
    Administrator = Annotated[ApiCaller, Depends(access.allow(ADMINISTRATORS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def held(caller: ApiCaller) -> list[ApiTokenTerms]:
        return [token for token in desk.api_tokens() if _within(caller, token.sites)]

    def one(caller: ApiCaller, token_id: str) -> ApiTokenTerms:
        for token in held(caller):
            if token.id == token_id:
                return token
        raise NotFound(f"no API token {token_id[:40]}")

    @router.get("", response_model=ApiTokenList)
    def list_tokens(caller: Administrator, asked: Paged) -> Response:
        """API tokens that reach no further than the caller, without their secrets."""
        return API_TOKENS.answer(
            asked,
            lambda after, limit: page_of(
                held(caller), lambda token: (token.id,), after=after, limit=limit
            ),
        )

    @router.post("", status_code=HTTPStatus.CREATED, openapi_extra=SHOWS_SECRET)
    def make(sent: ApiTokenSent, caller: Administrator) -> Made:
        """Makes a token that reaches no further than the caller, and shows it this once."""
        sites = _sites(sent, caller)
        token_id, text = desk.api(
            name=sent.name,
            role=sent.role,
            sites=sites,
            lifetime=timedelta(days=sent.days),
            act=acting(caller, now()),
        )
        return Made(id=token_id, token=text)

    @router.get("/{token_id}", response_model=ApiTokenShape, responses=TAGGED)
    def show(token_id: str, caller: Administrator, request: Request) -> Response:
        """One token, without its secret."""
        return tagged(request, ApiTokenShape.of(one(caller, token_id)))

    @router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def revoke(token_id: str, caller: Administrator, when: When) -> None:
        """Who holds this token reads no more, from the next request on."""
        one(caller, token_id)
        desk.revoke(token_id, acting(caller, now()), api=when.on(ApiTokenShape.of))

    return router


def _sites(sent: ApiTokenSent, caller: ApiCaller) -> frozenset[str] | None:
    """The scope that is asked for. Raises DeclarationRefused for one that is not the caller's."""
    sites = None if sent.sites is None else frozenset(sent.sites)
    if sites is not None and not sites:
        raise DeclarationRefused("sites: name one at least, or give null for every site")
    if not _within(caller, sites):
        raise DeclarationRefused("sites: all of them in your own scope, which is of some sites")
    if sent.role is Role.CONTRACTOR and (sites is None or sent.days > CONTRACTOR_DAYS):
        raise DeclarationRefused(
            f"a contractor's token names its sites and lasts {CONTRACTOR_DAYS} days at most"
        )
    return sites


def _within(caller: ApiCaller, sites: frozenset[str] | None) -> bool:
    """Whether these sites are all in the caller's scope; None: every site there is."""
    return caller.sites is None or (sites is not None and sites <= caller.sites)
