"""What people do about a device: approve, declare, retire, accept the risk of a fail."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from vigie_server.console.fleet import WAIVER, FleetSeen, device_seen
from vigie_server.console.forms import FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.domain.attesting import months_after
from vigie_server.domain.device_acts import DeviceAct
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.waivers import NewWaiver, checked, row_keys, same_person
from vigie_server.ports.administering import DeviceActs
from vigie_server.ports.waiving import WaiverStore
from vigie_server.web.access import WRITERS, acting


@dataclass(frozen=True, slots=True)
class DeviceDesk:
    """What these forms act on. `months` is how long a waiver may last."""

    acts: DeviceActs
    waivers: WaiverStore
    months: int


def device_acts(shell: Shell, seen: FleetSeen, desk: DeviceDesk) -> APIRouter:
    """The forms on the page of a device."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    @router.post("/devices/{device_id}/waivers")
    def waive(device_id: str, visit: Writer, sent: Form) -> Response:
        """Accepts the risk of a fail on this device."""
        device = seen.device(device_id, visit)
        act = acting(visit.caller, shell.now())
        try:
            given = checked(
                _waiver(device.id, sent, now=act.at, months=desk.months),
                now=act.at,
                months=desk.months,
            )
            desk.waivers.grant(device.site, given, row_keys(seen.catalogue, given.rule), act)
        except (FormRefused, DeclarationRefused) as error:
            shown = device_seen(
                seen,
                device,
                visit,
                fault=fault_of(error, visit.words.language, WAIVER),
                given=sent.given(WAIVER),
            )
            return shell.page(visit, "device.html", status=HTTPStatus.UNPROCESSABLE_ENTITY, **shown)
        return gone_to(address("devices", device.id), done="waived", anchor=given.rule)

    @router.post("/devices/{device_id}/{what}")
    def act_on(device_id: str, what: str, visit: Writer, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Does one of the acts that the page offers."""
        device = seen.device(device_id, visit)
        if what not in set(DeviceAct):
            raise NotFound(f"no act {what}")
        desk.acts.act_on(device, DeviceAct(what), acting(visit.caller, shell.now()))
        return gone_to(address("devices", device.id), done=what)

    return router


def _waiver(device_id: str, sent: Sent, *, now: datetime, months: int) -> NewWaiver:
    author = sent.needed("author", "waive.author")
    approver = sent.needed("approver", "waive.approver")
    if same_person(author, approver):
        sent.refuse("waive.same", field="approver")
    return NewWaiver(
        rule=sent.text("rule"),
        devices=(device_id,),
        reason=sent.needed("reason", "waive.reason"),
        author=author,
        approver=approver,
        expires_at=sent.until("expires", "waive.expires", after=now, by=months_after(now, months)),
    )
