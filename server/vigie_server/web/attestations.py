"""`/api/v1/sites/{site}/attestations`: what people attest, and all that was attested before."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, StrictInt

from vigie_server.domain.attesting import (
    AttestationCatalogue,
    AttestedItem,
    NewAttestation,
    Outcome,
)
from vigie_server.ports.attesting import AttestationRecord, AttestationState, AttestationStore
from vigie_server.ports.pages import page_of
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.tags import TAGGED, tagged


class ItemShape(BaseModel):
    """What can be attested. `level` is a maturity level of the question `level_of`."""

    id: str
    question: int
    level: int | None
    level_of: int
    months: int
    value: str | None
    value_about: dict[str, str] | None
    title: dict[str, str]
    to_do: dict[str, str]
    proof: dict[str, str]

    @classmethod
    def of(cls, item: AttestedItem) -> "ItemShape":
        """The item, in both languages."""
        return cls(
            id=item.id,
            question=item.question,
            level=item.level,
            level_of=item.level_of,
            months=item.months,
            value=None if item.value is None else item.value.value,
            value_about=None if item.value_about is None else dict(item.value_about),
            title=dict(item.title),
            to_do=dict(item.to_do),
            proof=dict(item.proof),
        )


class ItemList(PageShape[ItemShape]):
    """Items, in the order of their ids."""


ITEMS: Final = Listing(ItemList, ItemShape, ItemShape.of, (str,))


class AttestationSent(BaseModel):
    """What is attested. Without `expires_at` it holds as long as its item says."""

    model_config = ConfigDict(extra="forbid")

    item: str
    outcome: Outcome
    author: str
    value: StrictInt | str | None = None
    reason: str = ""
    document: str = ""
    group: str | None = None
    expires_at: AwareDatetime | None = None


class AttestationShape(BaseModel):
    """An attestation. `due_soon` still counts, and is to be renewed."""

    item: str
    group: str | None
    state: AttestationState
    outcome: Outcome
    value: int | str | None
    reason: str
    author: str
    document: str
    at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, record: AttestationRecord, state: AttestationState) -> "AttestationShape":
        """The attestation, word for word."""
        return cls(
            item=record.item,
            group=record.group,
            state=state,
            outcome=record.outcome,
            value=record.value,
            reason=record.reason,
            author=record.author,
            document=record.document,
            at=record.at,
            expires_at=record.expires_at,
            withdrawn_at=record.withdrawn_at,
        )


class AttestationList(PageShape[AttestationShape]):
    """Attestations of a site."""


def attestations_router(
    access: Access,
    *,
    store: AttestationStore,
    lists: SiteLists,
    catalogue: AttestationCatalogue,
    remind_before: timedelta,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of attestations."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def shown(record: AttestationRecord) -> AttestationShape:
        return AttestationShape.of(record, record.state(now(), remind_before=remind_before))

    standing = Listing(AttestationList, AttestationShape, shown, (str, str))
    history = Listing(AttestationList, AttestationShape, shown, (int,))
    items = tuple(catalogue.items.values())

    @router.get(
        "/attestations",
        response_model=ItemList,
        dependencies=[Depends(access.allow(READERS))],
    )
    def list_items(asked: Paged) -> Response:
        """All that can be attested: what to do, and what proves it."""
        return ITEMS.answer(
            asked,
            lambda after, limit: page_of(items, lambda item: (item.id,), after=after, limit=limit),
        )

    @router.get("/sites/{site}/attestations", response_model=AttestationList)
    def list_attestations(site: str, caller: Reader, asked: Paged) -> Response:
        """The newest word on each item, for the site and its groups."""
        require_site(caller, site)
        return standing.answer(
            asked,
            lambda after, limit: page_of(
                store.standing(site),
                lambda record: (record.item, record.group or ""),
                after=after,
                limit=limit,
            ),
        )

    @router.get("/sites/{site}/attestations/{item}", response_model=AttestationList)
    def list_history(site: str, item: str, caller: Reader, asked: Paged) -> Response:
        """All that was attested of an item, the newest first."""
        require_site(caller, site)
        return history.answer(
            asked, lambda after, limit: lists.attested(site, item, after=after, limit=limit)
        )

    @router.get(
        "/sites/{site}/attestations/{item}/standing",
        response_model=AttestationShape,
        responses=TAGGED,
    )
    def show_standing(
        site: str, item: str, caller: Reader, request: Request, *, group: str | None = None
    ) -> Response:
        """The word on an item that stands, of the site or else of this group."""
        require_site(caller, site)
        return tagged(request, shown(store.newest(site, catalogue.item(item).id, group)))

    @router.post("/sites/{site}/attestations", status_code=HTTPStatus.CREATED)
    def attest(
        site: str, sent: AttestationSent, caller: Writer, response: Response
    ) -> AttestationShape:
        """Records an attestation; 200 where the same one was recorded on the same day."""
        require_site(caller, site)
        act = acting(caller, now())
        given = NewAttestation(**sent.model_dump())
        record, new = store.record(site, catalogue.checked(given, now=act.at), act)
        if not new:
            response.status_code = HTTPStatus.OK
        return shown(record)

    @router.delete("/sites/{site}/attestations/{item}", responses=CONDITIONAL)
    def withdraw(
        site: str, item: str, caller: Writer, when: When, *, group: str | None = None
    ) -> AttestationShape:
        """Nothing that was attested of the item stands any more; the history keeps it."""
        require_site(caller, site)
        named, act = catalogue.item(item).id, acting(caller, now())
        return shown(store.withdraw(site, named, group, act, when.on(shown)))

    return router
