"""`/api/v1/sites/{name}/inventories`: reviews, and the part that devices report as CSV."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response, StreamingResponse

from vigie_server.domain.site_figures import Inventory, complement_of
from vigie_server.ports.maturity import Inventories, InventoryFiles, WrittenInventory
from vigie_server.ports.pages import page_of
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.listing import Listing, Paged
from vigie_server.web.maturity_shapes import InventoryList, InventoryShape, Reviewed

OWN_STAFF: Final = READERS - {Role.CONTRACTOR}
"""Who may take whole inventories away: they name accounts."""


def inventories_router(
    access: Access,
    *,
    inventories: Inventories,
    files: InventoryFiles,
    review_days: Callable[[str], int],
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of inventories. `review_days` are those between two reviews at a site."""
    router = APIRouter(prefix="/api/v1/sites/{name}/inventories")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Staff = Annotated[ApiCaller, Depends(access.allow(OWN_STAFF))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)

    def listed(name: str) -> InventoryList:
        records = inventories.reviews(name, days=review_days(name), now=now())
        return InventoryList(items=[InventoryShape.of(record, now()) for record in records])

    listing = Listing[InventoryShape, InventoryShape](
        InventoryList, InventoryShape, lambda shape: shape, (str,)
    )

    @router.get("", response_model=InventoryList)
    def list_inventories(name: str, caller: Reader, asked: Paged) -> Response:
        """The five inventories: when each was reviewed, when it is due."""
        require_site(caller, name)
        return listing.answer(
            asked,
            lambda after, limit: page_of(
                listed(name).items, lambda shape: (shape.inventory,), after=after, limit=limit
            ),
        )

    @router.post("/{inventory}/reviews", status_code=HTTPStatus.CREATED)
    def review(
        name: str, inventory: Inventory, reviewed: Reviewed, caller: Writer
    ) -> InventoryList:
        """Records that the inventory was reviewed today."""
        require_site(caller, name)
        complement = complement_of(reviewed.complement)
        inventories.review(name, inventory, complement, acting(caller, now()))
        return listed(name)

    @router.get("/{what}.csv", response_class=StreamingResponse)
    def export(name: str, what: WrittenInventory, caller: Staff) -> StreamingResponse:
        """What devices report of an inventory, as CSV."""
        require_site(caller, name)
        return StreamingResponse(
            files.csv(name, what),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{what.value}.csv"'},
        )

    return router
