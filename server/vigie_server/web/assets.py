"""Asset cards: `/devices/{id}/asset` one by one, `/assets.csv` and `/assets/import` as files."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from fastapi.responses import Response
from pydantic import BaseModel

from vigie_server.domain.card_files import cards_read, cards_written
from vigie_server.domain.cards import FIELDS, Cell, cells_of
from vigie_server.domain.csv_files import MOST_BYTES
from vigie_server.domain.errors import NotFound
from vigie_server.ports.declaring import CardStore, WrittenCard
from vigie_server.ports.site_lists import CardOfDevice, SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, WRITERS, Access, acting, scope_of, sees
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.documented import PROBLEM_JSON
from vigie_server.web.listing import STREAMS, Listing, PageShape, Streamed
from vigie_server.web.tags import TAGGED, tagged


class CardShape(BaseModel):
    """An asset card: its fields by name, and who wrote it last. `fields` is empty without one."""

    device: str
    fields: dict[str, str | list[str]]
    author: str
    updated_at: datetime | None

    @classmethod
    def of(cls, device_id: str, written: WrittenCard) -> "CardShape":
        """The card of a device."""
        return cls(
            device=device_id,
            fields={name: _plain(cell) for name, cell in written.card.cells.items()},
            author=written.author,
            updated_at=written.updated_at,
        )


class CardInList(CardShape):
    """A card, with the name of its device and site."""

    hostname: str
    site: str

    @classmethod
    def of_device(cls, found: CardOfDevice) -> "CardInList":
        """The card of a device."""
        card = CardShape.of(found.device, found.written)
        return cls(**dict(card), hostname=found.hostname, site=found.written.site)


class CardList(PageShape[CardInList]):
    """Asset cards of the devices that have one, in the order of their enrolment."""


CARDS: Final = Listing(CardList, CardInList, CardInList.of_device, (int,))


_FILE: Final = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_TOO_LARGE: Final[dict[int | str, dict[str, Any]]] = {
    413: {
        "description": f"The file is larger than {MOST_BYTES // 2**20} MiB: send it in parts.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class Imported(BaseModel):
    """What a file changed, or would change."""

    rows: int
    changed: int
    dry_run: bool


def assets_router(
    access: Access, *, cards: CardStore, lists: SiteLists, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of asset cards."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def require_device(caller: ApiCaller, device_id: str) -> WrittenCard:
        written = cards.card(device_id)
        if not sees(caller, written.site):
            raise NotFound(f"no device {device_id}")
        return written

    @router.get("/assets", response_model=CardList, responses=STREAMS)
    def list_cards(caller: Reader, asked: Streamed, *, site: str | None = None) -> Response:
        """The asset cards of the scope; `/assets.csv` is the file to change and import."""
        sites = scope_of(caller, site)
        return CARDS.answer(
            asked, lambda after, limit: lists.cards(sites, after=after, limit=limit)
        )

    @router.get("/devices/{device_id}/asset", response_model=CardShape, responses=TAGGED)
    def show_card(device_id: str, caller: Reader, request: Request) -> Response:
        """The device's asset card."""
        return tagged(request, CardShape.of(device_id, require_device(caller, device_id)))

    @router.put("/devices/{device_id}/asset", responses=CONDITIONAL)
    def write_card(
        device_id: str, fields: Annotated[dict[str, object], Body()], caller: Writer, when: When
    ) -> CardShape:
        """Has the card be as sent: fields that are not sent are taken away."""
        require_device(caller, device_id)
        cells = cells_of(fields)
        changes = {name: cells.get(name) for name in FIELDS}
        require = when.on(partial(CardShape.of, device_id))
        cards.change({device_id: changes}, acting(caller, now()), require)
        return CardShape.of(device_id, cards.card(device_id))

    @router.delete(
        "/devices/{device_id}/asset", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL
    )
    def remove_card(device_id: str, caller: Writer, when: When) -> None:
        """Takes the card away."""
        require_device(caller, device_id)
        require = when.on(partial(CardShape.of, device_id))
        cards.change({device_id: dict.fromkeys(FIELDS)}, acting(caller, now()), require)

    @router.get("/assets.csv", response_class=Response)
    def export(
        caller: Reader, *, site: str | None = None, language: Literal["fr", "en"] = "fr"
    ) -> Response:
        """Every device of the scope with its card, for a spreadsheet."""
        content = cards_written(cards.cards(scope_of(caller, site)), language=language)
        headers = {"Content-Disposition": 'attachment; filename="vigie-assets.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    @router.post("/assets/import", responses=_TOO_LARGE, openapi_extra=_FILE)
    def take(
        caller: Writer,
        content: Annotated[bytes, Depends(_sent)],
        *,
        site: str | None = None,
        dry_run: bool = False,
    ) -> Imported:
        """Takes a CSV file whole, or says what is wrong line by line (422, `errors`)."""
        within = scope_of(caller, site)
        changes = cards_read(content, cards.known(within))
        if dry_run:
            known = {device.id: card for device, card in cards.cards(within)}
            changed = sum(
                known[device_id].with_cells(cells) != known[device_id]
                for device_id, cells in changes.items()
            )
        else:
            changed = cards.change(changes, acting(caller, now()))
        return Imported(rows=len(changes), changed=changed, dry_run=dry_run)

    return router


async def _sent(request: Request) -> bytes:
    """The body, within the bounds of a file."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BYTES // 2**20} MiB"
            )
    return bytes(content)


def _plain(cell: Cell) -> str | list[str]:
    return list(cell) if isinstance(cell, tuple) else cell
