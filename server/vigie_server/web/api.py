"""`/api/v1`: what the server knows of devices, their verdicts and the rules, for readers.

A caller sees the sites of its token's scope. A device outside it is answered exactly like one that
does not exist.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Status
from vigie_server.ports.readers import DeviceFilter, FleetReader
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, scope_of, sees
from vigie_server.web.shapes import (
    DeviceInList,
    DeviceList,
    DeviceShape,
    ReferenceShape,
    RuleList,
    RuleShape,
    TransitionList,
    TransitionShape,
    VerdictList,
    VerdictShape,
)

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000

PageLimit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items a page")]


def api_router(
    *,
    reader: FleetReader,
    rules: Sequence[Rule],
    references: Sequence[Reference],
    access: Access,
) -> APIRouter:
    """The routes of the API's first version."""
    router = APIRouter(prefix="/api/v1")
    reading = Depends(access.allow(READERS))
    Caller = Annotated[ApiCaller, reading]  # noqa: N806 (a type, made of this access)

    def device_in_scope(device_id: str, caller: ApiCaller) -> Device:
        device = reader.device(device_id)
        if not sees(caller, device.site):
            raise NotFound(f"no device {device_id}")
        return device

    @router.get("/devices")
    def list_devices(
        caller: Caller,
        *,
        site: str | None = None,
        platform: Literal["windows", "darwin", "linux"] | None = None,
        state: DeviceState | None = None,
        rule: str | None = None,
        status: Status | None = None,
        after: str | None = None,
        limit: PageLimit = DEFAULT_PAGE,
    ) -> DeviceList:
        """Devices in order of their id; `rule` and `status` keep those with that verdict."""
        wanted = DeviceFilter(
            sites=scope_of(caller, site), platform=platform, state=state, rule=rule, status=status
        )
        page = reader.devices(wanted, after=after, limit=limit)
        return DeviceList(
            items=[DeviceInList.of_view(view) for view in page.devices],
            next_after=page.next_after,
        )

    @router.get("/devices/{device_id}")
    def show_device(device_id: str, caller: Caller) -> DeviceShape:
        """One device."""
        return DeviceShape.of(device_in_scope(device_id, caller))

    @router.get("/devices/{device_id}/verdicts")
    def show_verdicts(device_id: str, caller: Caller) -> VerdictList:
        """What each rule says of the device, and why."""
        device_in_scope(device_id, caller)
        return VerdictList(items=[VerdictShape.of(record) for record in reader.verdicts(device_id)])

    @router.get("/devices/{device_id}/transitions")
    def show_transitions(
        device_id: str, caller: Caller, *, limit: PageLimit = DEFAULT_PAGE
    ) -> TransitionList:
        """How the device's verdicts changed, the newest first."""
        device_in_scope(device_id, caller)
        records = reader.transitions(device_id, limit=limit)
        return TransitionList(items=[TransitionShape.of(record) for record in records])

    @router.get("/rules", dependencies=[reading])
    def list_rules() -> RuleList:
        """Every rule that devices are judged by."""
        ordered = sorted(rules, key=lambda rule: rule.id)
        return RuleList(
            items=[RuleShape.of(rule) for rule in ordered],
            references=[ReferenceShape.of(reference) for reference in references],
        )

    return router
