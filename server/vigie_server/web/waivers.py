"""`/api/v1/sites/{site}/waivers`: risks that people accepted, on which devices, until when."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from vigie_server.domain.rules import Catalogue
from vigie_server.domain.waivers import NewWaiver, checked, row_keys
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.ports.waiving import WaiverRecord, WaiverStore
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.tags import TAGGED, tagged


class WaiverSent(BaseModel):
    """A risk to accept. Every device fails the rule now; `approver` is not the author."""

    model_config = ConfigDict(extra="forbid")

    rule: str
    devices: list[str]
    reason: str
    author: str
    approver: str
    expires_at: AwareDatetime | None = None


class WaivedDeviceShape(BaseModel):
    """A device under a waiver: the rows that are accepted, and when another one reopened it.

    One that is `retired` is under it no more.
    """

    device: str
    hostname: str
    rows: list[dict[str, str | int | float | bool | None]]
    reopened_at: datetime | None
    retired: bool


class WaiverShape(BaseModel):
    """A waiver. `in_force`: it covers at least one device."""

    id: str
    rule: str
    reason: str
    author: str
    approver: str
    at: datetime
    expires_at: datetime
    ended_at: datetime | None
    in_force: bool
    devices: list[WaivedDeviceShape]

    @classmethod
    def of(cls, record: WaiverRecord, now: datetime) -> "WaiverShape":
        """The waiver, word for word."""
        return cls(
            id=record.id,
            rule=record.rule,
            reason=record.reason,
            author=record.author,
            approver=record.approver,
            at=record.at,
            expires_at=record.expires_at,
            ended_at=record.ended_at,
            in_force=record.in_force(now),
            devices=[
                WaivedDeviceShape(
                    device=device.device,
                    hostname=device.hostname,
                    rows=[dict(row) for row in device.rows],
                    reopened_at=device.reopened_at,
                    retired=device.retired,
                )
                for device in record.devices
            ],
        )


class WaiverList(PageShape[WaiverShape]):
    """Waivers of a site, the newest first."""


def waivers_router(
    access: Access,
    *,
    store: WaiverStore,
    lists: SiteLists,
    catalogue: Catalogue,
    months: int,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of waivers."""
    router = APIRouter(prefix="/api/v1/sites/{site}/waivers")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    listing = Listing[WaiverRecord, WaiverShape](
        WaiverList, WaiverShape, lambda record: WaiverShape.of(record, now()), (int,)
    )

    @router.get("", response_model=WaiverList)
    def list_waivers(
        site: str, caller: Reader, asked: Paged, *, rule: str | None = None
    ) -> Response:
        """Waivers in force and past."""
        require_site(caller, site)
        return listing.answer(
            asked, lambda after, limit: lists.waivers(site, rule=rule, after=after, limit=limit)
        )

    @router.post("", status_code=HTTPStatus.CREATED)
    def grant(site: str, sent: WaiverSent, caller: Writer, response: Response) -> WaiverShape:
        """Grants a waiver; 200 where the same one is in force."""
        require_site(caller, site)
        act = acting(caller, now())
        asked = NewWaiver(**{**sent.model_dump(), "devices": tuple(sent.devices)})
        given = checked(asked, now=act.at, months=months)
        record, new = store.grant(site, given, row_keys(catalogue, given.rule), act)
        if not new:
            response.status_code = HTTPStatus.OK
        return WaiverShape.of(record, act.at)

    @router.get("/{waiver_id}", response_model=WaiverShape, responses=TAGGED)
    def show_waiver(site: str, waiver_id: str, caller: Reader, request: Request) -> Response:
        """One waiver."""
        require_site(caller, site)
        return tagged(request, WaiverShape.of(store.waiver(site, waiver_id), now()))

    @router.delete("/{waiver_id}", responses=CONDITIONAL)
    def end(site: str, waiver_id: str, caller: Writer, when: When) -> WaiverShape:
        """Withdraws a waiver: what it covered fails openly again."""
        require_site(caller, site)
        act = acting(caller, now())
        require = when.on(partial(WaiverShape.of, now=act.at))
        return WaiverShape.of(store.end(site, waiver_id, act, require), act.at)

    return router
