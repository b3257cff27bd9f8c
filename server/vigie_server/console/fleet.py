"""The pages of devices: the list, and one device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.presenters.device import by_question, card_lines, steps
from vigie_server.console.shell import Shell, Visit
from vigie_server.console.walking import Walk
from vigie_server.domain.device_acts import Standing, acts_on
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.domain.personal import naming_columns
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import CardStore
from vigie_server.ports.lists import (
    ChangeLists,
    ChangesWanted,
    DeviceLists,
    DeviceSort,
    DevicesWanted,
)
from vigie_server.ports.readers import FleetReader
from vigie_server.web.access import scope_of, sees
from vigie_server.web.cursors import Kinds
from vigie_server.web.withheld import Withheld

PAGE: Final = 50
CHANGES: Final = 30
PLATFORMS: Final = ("windows", "darwin", "linux")
_KINDS: Final[Mapping[str, Kinds]] = {
    "id": (str,),
    "hostname": (str, str),
    "failing": (int, str),
}
FILTERS: Final = (
    "hostname",
    "site",
    "state",
    "platform",
    "nomadic",
    "revoked",
    "compliant",
    "rule",
    "status",
    "sort",
)
WAIVER: Final = ("rule", "reason", "author", "approver", "expires")
"""Fields of the form of a waiver."""
_FLAGS: Final = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class FleetSeen:
    """What these pages read."""

    reader: FleetReader
    lists: DeviceLists
    changes: ChangeLists
    cards: CardStore
    catalogue: Catalogue

    def device(self, device_id: str, visit: Visit) -> Device:
        """The device, if the visitor sees it. Raises NotFound."""
        found = self.reader.device(device_id)
        if not sees(visit.caller, found.site):
            raise NotFound(f"no device {device_id}")
        return found


def fleet_pages(shell: Shell, seen: FleetSeen) -> APIRouter:
    """The pages of devices."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)

    @router.get("/devices")
    def devices(request: Request, visit: Visitor) -> Response:
        """Devices; the filters are in the address."""
        walk = Walk.of(request)
        chosen = dict.fromkeys(FILTERS, "") | dict(walk.filters)
        wanted = _wanted(chosen, visit)
        kinds = _KINDS[wanted.sort.removeprefix("-")]
        page = seen.lists.devices(wanted, after=walk.place(kinds), limit=PAGE)
        return shell.page(
            visit,
            "devices.html",
            entries=page.items,
            walk=walk,
            next=walk.next(page.after),
            chosen=chosen,
            order=wanted.sort,
            states=[state.value for state in DeviceState],
            platforms=PLATFORMS,
            statuses=[status.value for status in Status],
            rules=list(seen.catalogue.rules.values()),
        )

    @router.get("/devices/{device_id}")
    def device(device_id: str, visit: Visitor) -> Response:
        """One device: verdicts, history, card."""
        found = seen.device(device_id, visit)
        return shell.page(visit, "device.html", **device_seen(seen, found, visit))

    return router


def device_seen(seen: FleetSeen, found: Device, visit: Visit, **beside: Any) -> dict[str, Any]:
    """All that the page of a device shows."""
    changes = seen.changes.changes_of(found.id, ChangesWanted(), after=None, limit=CHANGES)
    withheld = Withheld(naming_columns(seen.catalogue))
    questions = by_question(
        withheld.of(visit.caller, seen.reader.verdicts(found.id)),
        seen.catalogue.rules,
        seen.catalogue.questions,
        found.platform,
    )
    shown = {
        "device": found,
        "questions": questions,
        "changes": withheld.of(visit.caller, changes.items),
        "titles": {rule.id: rule.title for rule in seen.catalogue.rules.values()},
        "card": card_lines(seen.cards.card(found.id).card, visit.words.language),
        "acts": acts_on(Standing.of(found)) if visit.writes else (),
        "steps": steps,
        "fault": None,
        "nothing": dict.fromkeys(WAIVER, ""),
        "given": dict.fromkeys(WAIVER, ""),
    }
    return shown | beside


def _wanted(chosen: Mapping[str, str], visit: Visit) -> DevicesWanted:
    """The filters of an address; what is none of them is passed over."""
    status = chosen["status"]
    sort = chosen["sort"]
    order: DeviceSort = sort if sort in get_args(DeviceSort) else "hostname"  # type: ignore[assignment]
    return DevicesWanted(
        sites=scope_of(visit.caller, chosen["site"] or None),
        state=chosen["state"] or None,
        platform=chosen["platform"] or None,
        compliant=_FLAGS.get(chosen["compliant"]),
        nomadic=_FLAGS.get(chosen["nomadic"]),
        revoked=_FLAGS.get(chosen["revoked"]),
        hostname=chosen["hostname"] or None,
        rule=chosen["rule"] or None,
        status=Status(status) if status in set(Status) else None,
        sort=order,
    )
