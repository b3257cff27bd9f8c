"""`/api/v1/enrolment-tokens`: what lets devices in.

A secret is shown once, in the answer that made its token. The same request under the same
`Idempotency-Key` is shown it again; the answer is kept as only its sender opens it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.enrolling import TokenTerms
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import WRITERS, Access, acting, require_site, sees
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.held import MOST_DAYS, HeldOf, SecretMade
from vigie_server.web.listing import Paged, PageShape
from vigie_server.web.repeating import SHOWS_SECRET
from vigie_server.web.tags import TAGGED

MOST_USES: Final = 10_000


class EnrolmentTokenSent(BaseModel):
    """What an enrolment token allows. Its site is made when it is new."""

    model_config = ConfigDict(extra="forbid")

    site: str = Field(max_length=200, examples=["Les Tilleuls"])
    profile: Literal["standard", "critical", "low"] = "standard"
    uses: int = Field(1, ge=1, le=MOST_USES, examples=[12])
    days: int = Field(7, ge=1, le=MOST_DAYS)


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


class EnrolmentTokenList(PageShape[EnrolmentTokenShape]):
    """Enrolment tokens, in the order of their ids."""


def enrolment_tokens_router(
    access: Access, *, desk: TokenDesk, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of what lets devices in."""
    router = APIRouter(prefix="/api/v1/enrolment-tokens")
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    tokens = HeldOf[TokenTerms, EnrolmentTokenShape](
        "enrolment token",
        lambda sites, after, limit: desk.enrolment_by_id(sites, after=after, limit=limit),
        desk.enrolment_token,
        lambda caller, token: sees(caller, token.site),
        EnrolmentTokenShape.of,
        EnrolmentTokenList,
        EnrolmentTokenShape,
    )

    @router.get("", response_model=EnrolmentTokenList)
    def list_tokens(caller: Writer, asked: Paged) -> Response:
        """Enrolment tokens of the caller's sites, without their secrets."""
        return tokens.page(caller, asked)

    @router.post("", status_code=HTTPStatus.CREATED, openapi_extra=SHOWS_SECRET)
    def make(sent: EnrolmentTokenSent, caller: Writer) -> SecretMade:
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
        return SecretMade(id=token_id, token=text)

    @router.get("/{token_id}", response_model=EnrolmentTokenShape, responses=TAGGED)
    def show(token_id: str, caller: Writer, request: Request) -> Response:
        """One token, without its secret."""
        return tokens.tagged(caller, token_id, request)

    @router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def revoke(token_id: str, caller: Writer, when: When) -> None:
        """No further device gets in by this token."""
        tokens.one(caller, token_id)
        desk.revoke(token_id, acting(caller, now()), enrolment=when.on(EnrolmentTokenShape.of))

    return router
