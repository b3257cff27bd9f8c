"""`/api/v1/devices/{id}/acts`: what a person says or wants of a device."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from vigie_server.domain.device_acts import DeviceAct
from vigie_server.domain.devices import Device
from vigie_server.domain.errors import NotFound
from vigie_server.ports.administering import DeviceActs
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import WRITERS, Access, acting, sees
from vigie_server.web.shapes import DeviceShape


class ActWanted(BaseModel):
    """What is to be done.

    `revoke` takes the certificates out of force; `retire` is for a device that is gone, for good.
    """

    act: DeviceAct = Field(examples=["approve"])


def device_acts_router(
    access: Access,
    *,
    known: Callable[[str], Device],
    acts: DeviceActs,
    now: Callable[[], datetime],
) -> APIRouter:
    """The route of acts. `known` finds a device by its id, or raises NotFound."""
    router = APIRouter(prefix="/api/v1")
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)

    @router.post("/devices/{device_id}/acts")
    def act_on(device_id: str, wanted: ActWanted, caller: Writer) -> DeviceShape:
        """Does it, and answers with the device as it then is. The audit keeps who did."""
        device = known(device_id)
        if not sees(caller, device.site):
            raise NotFound(f"no device {device_id}")
        acts.act_on(device, wanted.act, acting(caller, now()))
        return DeviceShape.of(known(device_id))

    return router
