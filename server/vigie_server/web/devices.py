"""`/api/v1/devices` and `/api/v1/transitions`: devices, their verdicts, and how these changed.

A caller sees the sites of its token's scope. A device outside it is answered exactly like one that
does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import (
    ChangeLists,
    ChangesWanted,
    DeviceLists,
    DeviceSort,
    DevicesWanted,
    TimeSort,
)
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, scope_of, sees
from vigie_server.web.listing import STREAMS, Listing, Paged, Streamed, at_once
from vigie_server.web.shapes import (
    DeviceInList,
    DeviceList,
    DeviceShape,
    FleetTransitionList,
    FleetTransitionShape,
    TransitionList,
    TransitionShape,
    VerdictList,
    VerdictShape,
    change_told,
    device_told,
    transition_told,
    verdict_told,
)
from vigie_server.web.short_ways import ListRouter, Way
from vigie_server.web.tags import TAGGED, tagged
from vigie_server.web.withheld import Withheld, told

LONGEST_NAME: Final = 255
Platform = Literal["windows", "darwin", "linux"]

DEVICES: Final = Listing(DeviceList, DeviceInList, device_told, (str,))
DEVICES_BY_NAME: Final = Listing(DeviceList, DeviceInList, device_told, (str, str))
DEVICES_BY_FAILS: Final = Listing(DeviceList, DeviceInList, device_told, (int, str))
VERDICTS: Final = Listing(VerdictList, VerdictShape, verdict_told, (str,))
TRANSITIONS: Final = Listing(TransitionList, TransitionShape, transition_told, (int, int))
OF_FLEET: Final = Listing(FleetTransitionList, FleetTransitionShape, change_told, (int, int))
_BY_SORT: Final = {"id": DEVICES, "hostname": DEVICES_BY_NAME, "failing": DEVICES_BY_FAILS}


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The filters and the order of devices, as they are asked for."""

    site: str | None = None
    platform: Platform | None = None
    state: DeviceState | None = None
    compliant: bool | None = None
    nomadic: bool | None = None
    revoked: bool | None = None
    hostname: Annotated[
        str | None,
        Query(
            max_length=LONGEST_NAME,
            description="How the name begins, in capital or small letters.",
            examples=["ACCUEIL-"],
        ),
    ] = None
    rule: str | None = None
    status: Status | None = None
    sort: Annotated[DeviceSort, Query(description="`-` turns the order round.")] = "id"

    def wanted(self, caller: ApiCaller) -> DevicesWanted:
        """The same within what the caller sees."""
        return DevicesWanted(
            sites=scope_of(caller, self.site),
            state=self.state,
            platform=self.platform,
            compliant=self.compliant,
            nomadic=self.nomadic,
            revoked=self.revoked,
            hostname=self.hostname,
            rule=self.rule,
            status=self.status,
            sort=self.sort,
        )


@dataclass(frozen=True, slots=True)
class ChangeChoice:
    """Which changes are asked for, and in which order."""

    rule: str | None = None
    after_status: Annotated[Status | None, Query(description="What the verdict became.")] = None
    since: Annotated[AwareDatetime | None, Query(description="From this instant on.")] = None
    until: Annotated[AwareDatetime | None, Query(description="Before this instant.")] = None
    sort: TimeSort = "-at"

    def wanted(self, sites: Sites) -> ChangesWanted:
        """The same, at these sites."""
        return ChangesWanted(
            sites=sites,
            rule=self.rule,
            after=self.after_status,
            since=self.since,
            until=self.until,
            sort=self.sort,
        )


def devices_router(
    access: Access,
    *,
    known: Callable[[str], Device],
    lists: DeviceLists,
    changes: ChangeLists,
    withheld: Withheld,
) -> APIRouter:
    """The routes of devices. `known` finds one by its id, or raises NotFound."""
    router = ListRouter(prefix="/api/v1")
    Caller = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    admit = partial(access.admitted, roles=READERS)

    def device_in_scope(device_id: str, caller: ApiCaller) -> Device:
        device = known(device_id)
        if not sees(caller, device.site):
            raise NotFound(f"no device {device_id}")
        return device

    @router.get("/devices", response_model=DeviceList, responses=STREAMS)
    def list_devices(
        caller: Caller,
        asked: Streamed,
        chosen: Annotated[DeviceChoice, Depends(at_once(DeviceChoice))],
    ) -> Response:
        """Devices; `rule` and `status` keep those with that verdict."""
        wanted = chosen.wanted(caller)
        return _BY_SORT[chosen.sort.removeprefix("-")].answer(
            asked,
            lambda after, limit: lists.devices(wanted, after=after, limit=limit),
            written=lambda after, limit: lists.devices_in_json(wanted, after=after, limit=limit),
        )

    router.short("/devices", Way(admit=admit, choice=DeviceChoice, answer=list_devices))

    @router.get("/devices/{device_id}", response_model=DeviceShape, responses=TAGGED)
    def show_device(device_id: str, caller: Caller, request: Request) -> Response:
        """One device."""
        return tagged(request, DeviceShape.of(device_in_scope(device_id, caller)))

    @router.get("/devices/{device_id}/verdicts", response_model=VerdictList)
    def show_verdicts(
        device_id: str, caller: Caller, asked: Paged, *, status: Status | None = None
    ) -> Response:
        """What each rule says of the device, and why, in the order of the rules' ids."""
        device_in_scope(device_id, caller)
        pages = withheld.pages(
            caller,
            lambda after, limit: lists.verdicts(device_id, status=status, after=after, limit=limit),
        )
        return told(caller, VERDICTS.answer(asked, pages))

    @router.get(
        "/devices/{device_id}/transitions", response_model=TransitionList, responses=STREAMS
    )
    def show_transitions(
        device_id: str,
        caller: Caller,
        asked: Streamed,
        chosen: Annotated[ChangeChoice, Depends(at_once(ChangeChoice))],
    ) -> Response:
        """How the device's verdicts changed, the newest first."""
        device_in_scope(device_id, caller)
        wanted = chosen.wanted(None)
        pages = withheld.pages(
            caller,
            lambda after, limit: changes.changes_of(device_id, wanted, after=after, limit=limit),
        )
        return told(caller, TRANSITIONS.answer(asked, pages))

    @router.get("/transitions", response_model=FleetTransitionList, responses=STREAMS)
    def list_transitions(
        caller: Caller,
        asked: Streamed,
        chosen: Annotated[ChangeChoice, Depends(at_once(ChangeChoice))],
        *,
        site: str | None = None,
    ) -> Response:
        """How verdicts changed, of all devices that are seen, the newest first."""
        wanted = chosen.wanted(scope_of(caller, site))
        pages = withheld.pages(
            caller, lambda after, limit: changes.changes(wanted, after=after, limit=limit)
        )
        return told(caller, OF_FLEET.answer(asked, pages))

    router.short("/transitions", Way(admit=admit, choice=ChangeChoice, answer=list_transitions))
    return router
