"""The asset card of a device as a form, and many cards as a CSV file."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.fleet import FleetSeen
from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.presenters.refusals import faults_seen, told
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.domain.card_files import cards_read
from vigie_server.domain.cards import FIELDS, Card, Cell, cell_in, cells_of
from vigie_server.domain.devices import Device
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.web.access import WRITERS, acting, scope_of
from vigie_server.web.browsers import WITH_FILE, file_most

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": ("dedicated", "shared"),
    "owner": ("facility", "personal"),
}
FILE: Final = ("site", "content")


@dataclass(frozen=True, slots=True)
class CardsSeen:
    """What these pages read and write."""

    fleet: FleetSeen


def card_pages(shell: Shell, seen: CardsSeen) -> APIRouter:
    """The form of one device's card."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(
        visit: Visit, device: Device, given: Mapping[str, str], fault: Fault | None = None
    ) -> Response:
        language = visit.words.language
        return shell.page(
            visit,
            "card.html",
            device=device,
            fields=[
                (name, field.fr if language == "fr" else field.en, _kind(name, field.is_day))
                for name, field in FIELDS.items()
            ],
            choices={
                name: [("", ""), *((word, cell_in(language, name, word)) for word in words)]
                for name, words in CHOICES.items()
            },
            given=dict.fromkeys((*FIELDS, "was"), "") | dict(given),
            fault=fault,
        )

    @router.get("/devices/{device_id}/card")
    def card(device_id: str, visit: Writer) -> Response:
        """The card as it stands."""
        device = seen.fleet.device(device_id, visit)
        return shown(visit, device, _given(seen.fleet.cards.card(device.id).card))

    @router.post("/devices/{device_id}/card")
    def write(device_id: str, visit: Writer, sent: Form) -> Response:
        """Has the card be as the form says; what somebody wrote meanwhile is not lost."""
        device = seen.fleet.device(device_id, visit)
        act = acting(visit.caller, shell.now())
        given = sent.given((*FIELDS, "was"))
        try:
            cells = _cells(sent)

            def require(held: Any) -> None:
                stands = "{}" if held is None else held.card.as_json()
                if sent.text("was") not in {"", stands}:
                    sent.refuse("card.changed")

            seen.fleet.cards.change({device.id: cells}, act, require)
        except (FormRefused, DeclarationRefused) as error:
            return shown(visit, device, given, fault_of(error, visit.words.language))
        return gone_to(address("devices", device.id), done="card", anchor="card")

    return router


def import_pages(shell: Shell, seen: CardsSeen) -> APIRouter:
    """The page that takes many cards from a CSV file."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        page: dict[str, Any] = {
            "given": dict.fromkeys(FILE, "") | dict(given),
            "fault": None,
            "rows": (),
            "checked": None,
            "most": file_most(visit.request),
        }
        wrong = beside.get("fault") or beside.get("rows")
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        return shell.page(visit, "cards.html", status=status, **(page | beside))

    @router.get("/cards")
    def cards(visit: Writer, *, site: str = "") -> Response:
        """Where a file is pasted or chosen."""
        return shown(visit, {"site": site})

    @router.post("/cards", responses=WITH_FILE)
    def take(visit: Writer, sent: Form) -> Response:
        """Checks the file, and takes it whole where it is asked to."""
        act = acting(visit.caller, shell.now())
        given = sent.given(FILE)
        store = seen.fleet.cards
        try:
            content = sent.needed("content", "cards.content").encode()
            most = file_most(visit.request)
            if len(content) > most:
                sent.refuse("cards.too_large", field="content", most=f"{most / 2**20:g}")
            within = scope_of(visit.caller, sent.text("site") or None)
            changes = cards_read(content, store.known(within))
            if sent.text("what") == "take":
                store.change(changes, act)
                return gone_to(address("cards"), done="cards")
            known = {device.id: card for device, card in store.cards(within)}
        except DeclarationRefused as error:
            language = visit.words.language
            fault = Fault(*told(str(error), language), "content")
            return shown(visit, given, fault=fault, rows=faults_seen(error.faults, language))
        except FormRefused as error:
            return shown(visit, given, fault=fault_of(error, visit.words.language))
        changed = sum(
            known[device].with_cells(cells) != known[device] for device, cells in changes.items()
        )
        return shown(visit, given, checked={"rows": len(changes), "changed": changed})

    return router


def _kind(name: str, is_day: bool) -> str:  # noqa: FBT001 (told of one field)
    if name in CHOICES:
        return "choice"
    return "date" if is_day else "text"


def _given(card: Card) -> Mapping[str, str]:
    """The card's values as the form sends them."""
    cells = {
        name: " ".join(cell) if isinstance(cell, tuple) else cell
        for name, cell in card.cells.items()
    }
    return cells | {"was": card.as_json()}


def _cells(sent: Sent) -> Mapping[str, Cell | None]:
    """Every field, empty ones taken away. Raises FormRefused, beside the first wrong one."""
    found: dict[str, Cell | None] = {}
    for name in FIELDS:
        try:
            found |= cells_of({name: sent.text(name)})
        except DeclarationRefused as error:
            language = sent.words.language
            said = str(error).removeprefix(f"`{name}`: ")
            raise FormRefused(Fault(*told(said, language), name)) from error
    return found
