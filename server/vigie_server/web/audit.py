"""`/api/v1/audit`: who did what. For administrators and auditors who see every site."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel

from vigie_server.ports.lists import ActsWanted, AuditedAct, AuditTrail, TimeSort
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import Access
from vigie_server.web.listing import STREAMS, Listing, PageShape, Streamed

WATCHERS: Final = frozenset({Role.ADMIN, Role.AUDITOR})


class ActShape(BaseModel):
    """An act: `actor` is `server`, `cli:<name>` or `api:<token>`; `subject` what it was done to."""

    at: datetime
    actor: str
    action: str
    subject: str

    @classmethod
    def of(cls, act: AuditedAct) -> "ActShape":
        """The act, word for word."""
        return cls(at=act.at, actor=act.actor, action=act.action, subject=act.subject)


class ActList(PageShape[ActShape]):
    """Acts, the newest first unless asked otherwise."""


ACTS: Final = Listing(ActList, ActShape, ActShape.of, (int, int))


def audit_router(access: Access, *, trail: AuditTrail) -> APIRouter:
    """The route of the audit."""
    router = APIRouter(prefix="/api/v1/audit")
    Watcher = Annotated[ApiCaller, Depends(access.allow(WATCHERS))]  # noqa: N806 (a type)

    @router.get("", response_model=ActList, responses=STREAMS)
    def list_acts(
        caller: Watcher,
        asked: Streamed,
        *,
        actor: str | None = None,
        subject: str | None = None,
        since: Annotated[AwareDatetime | None, Query(description="From this instant on.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Before this instant.")] = None,
        sort: TimeSort = "-at",
    ) -> Response:
        """Who did what, the newest first."""
        if caller.sites is not None:
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                "the audit tells of every site: send a token that was made without `--site`",
            )
        wanted = ActsWanted(actor, subject, since, until, sort)
        return ACTS.answer(asked, lambda after, limit: trail.acts(wanted, after=after, limit=limit))

    return router
