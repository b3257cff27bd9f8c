"""`/api/v1/notifications`: who is told by e-mail or webhook, and how messages fared."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.errors import NotFound
from vigie_server.domain.notices.recipients import (
    Extent,
    Recipient,
    recipient_of,
    shown_address,
)
from vigie_server.ports.notifying import DeliveryRecord, RecipientRecord, RecipientStore
from vigie_server.ports.pages import Page, Position, page_of
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.tags import TAGGED, tagged

SHOWN_TO: Final = WRITERS | {Role.AUDITOR}
"""Contractors learn of nobody's address."""


class RecipientSent(BaseModel):
    """Who is told: of a site, of a body's sites, or without either of every site."""

    model_config = ConfigDict(extra="forbid")

    site: str = Field(default="", max_length=200)
    body: str = Field(default="", max_length=200)
    channel: Literal["email", "webhook"]
    address: str = Field(max_length=2000, description="An e-mail address, or an https:// URL.")
    secret: str = Field(
        default="",
        max_length=200,
        description="Where a webhook's key is: file:NAME or env:VIGIE_NOTIFY_NAME.",
    )
    language: Literal["fr", "en"] = "fr"
    critical: bool = True
    digest: bool = True

    @property
    def recipient(self) -> Recipient:
        """Raises DeclarationRefused."""
        return recipient_of(
            site=self.site,
            body=self.body,
            channel=self.channel,
            address=self.address,
            secret=self.secret,
            language=self.language,
            critical=self.critical,
            digest=self.digest,
        )


class RecipientShape(BaseModel):
    """A recipient. Of a webhook's address only the host is shown: the rest may be a key."""

    id: str
    site: str | None
    body: str | None
    channel: str
    address: str
    secret: str
    language: str
    critical: bool
    digest: bool
    author: str
    at: datetime

    @classmethod
    def of(cls, record: RecipientRecord) -> "RecipientShape":
        """The recipient as it is declared."""
        held = record.recipient
        return cls(
            id=record.id,
            site=held.of if held.extent is Extent.SITE else None,
            body=held.of if held.extent is Extent.BODY else None,
            channel=held.channel.value,
            address=shown_address(held.channel, held.address),
            secret=held.secret,
            language=held.language,
            critical=held.critical,
            digest=held.digest,
            author=record.author,
            at=record.at,
        )


class DeliveryShape(BaseModel):
    """A message on its way to a recipient: `waiting`, `sent`, `given_up` or `dropped`."""

    id: str
    kind: str
    site: str | None
    recipient: str
    state: str
    attempts: int
    at: datetime
    next_try_at: datetime | None
    done_at: datetime | None
    error: str

    @classmethod
    def of(cls, record: DeliveryRecord) -> "DeliveryShape":
        """How the message fared."""
        return cls(
            id=record.id,
            kind=record.kind.value,
            site=record.site or None,
            recipient=record.recipient_id,
            state=record.state.value,
            attempts=record.attempts,
            at=record.at,
            next_try_at=record.next_try_at,
            done_at=record.done_at,
            error=record.error,
        )


class RecipientList(PageShape[RecipientShape]):
    """Recipients, in the order in which they were declared."""


class DeliveryList(PageShape[DeliveryShape]):
    """Messages to recipients, the newest first."""


RECIPIENTS: Final = Listing(RecipientList, RecipientShape, RecipientShape.of, (int,))
DELIVERIES: Final = Listing(DeliveryList, DeliveryShape, DeliveryShape.of, (int,))


def notifications_router(
    access: Access, *, store: RecipientStore, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of notices."""
    router = APIRouter(prefix="/api/v1/notifications")
    Reader = Annotated[ApiCaller, Depends(access.allow(SHOWN_TO))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    @router.get("/recipients", response_model=RecipientList)
    def list_recipients(caller: Reader, asked: Paged) -> Response:
        """Who is told; for a token of some sites, the recipients of these sites."""
        return RECIPIENTS.answer(
            asked,
            lambda after, limit: page_of(
                store.recipients(caller.sites),
                lambda held: (int(held.id[1:]),),
                after=after,
                limit=limit,
            ),
        )

    @router.post("/recipients", status_code=HTTPStatus.CREATED)
    def add_recipient(sent: RecipientSent, caller: Writer) -> RecipientShape:
        """Adds a recipient; the same one is given back."""
        given = sent.recipient
        if given.extent is Extent.SITE:
            require_site(caller, given.of)
        elif caller.sites is not None:
            raise NotFound("a token of some sites declares recipients of one of them: give `site`")
        return RecipientShape.of(store.add(given, acting(caller, now())))

    @router.get("/recipients/{recipient_id}", response_model=RecipientShape, responses=TAGGED)
    def show_recipient(recipient_id: str, caller: Reader, request: Request) -> Response:
        """One recipient."""
        return tagged(request, RecipientShape.of(store.recipient(recipient_id, caller.sites)))

    @router.delete(
        "/recipients/{recipient_id}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL
    )
    def remove_recipient(recipient_id: str, caller: Writer, when: When) -> None:
        """Removes a recipient; what waits for it is dropped."""
        require = when.on(RecipientShape.of)
        store.remove(recipient_id, caller.sites, acting(caller, now()), require)

    @router.post("/recipients/{recipient_id}/test", status_code=HTTPStatus.ACCEPTED)
    def test_recipient(recipient_id: str, caller: Writer) -> DeliveryShape:
        """Sends a test message soon, once: the list of messages tells how it fared."""
        return DeliveryShape.of(store.test(recipient_id, caller.sites, acting(caller, now())))

    @router.get("/messages", response_model=DeliveryList)
    def list_messages(caller: Reader, asked: Paged) -> Response:
        """Messages to recipients, the newest first; for a token of some sites, those of them."""

        def pages(after: Position | None, limit: int) -> Page[DeliveryRecord]:
            before = None if after is None else int(after[0])
            found = store.deliveries(caller.sites, before=before, limit=limit + 1)
            more = len(found) > limit
            return Page(found[:limit], (found[limit - 1].key,) if more else None)

        return DELIVERIES.answer(asked, pages)

    return router
