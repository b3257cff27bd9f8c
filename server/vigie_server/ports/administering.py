"""What a person says of a device that no query sees.

All block, and raise NotFound; ActRefused where it is not for the device as it stands in the
moment of the act, which may be otherwise than when it was looked at.
"""

from datetime import datetime
from typing import Protocol

from vigie_server.domain.device_acts import DeviceAct
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.ports.declaring import Act


class DeviceActs(Protocol):
    """Does what a person says or wants of a device."""

    def act_on(self, device: Device, what: DeviceAct, act: Act) -> None:
        """Does it, whatever else the device was when it was read."""
        ...


class KeepsDevices(Protocol):
    """Acts on devices by id, which the audit keeps."""

    def approve(self, device_id: str, *, now: datetime, actor: str) -> None:
        """Counts a pending or quarantined device in; settles its conflicts."""
        ...

    def declare_state(
        self, device_id: str, state: DeviceState, *, now: datetime, actor: str
    ) -> None:
        """It is lost, stolen, or there again."""
        ...

    def declare_nomadic(
        self, device_id: str, *, nomadic: bool | None, now: datetime, actor: str
    ) -> None:
        """It is nomadic or not; None leaves it to be worked out again."""
        ...

    def revoke(self, device_id: str, *, now: datetime, actor: str) -> None:
        """No certificate of the device is in force any more."""
        ...

    def retire(self, device_id: str, *, now: datetime, actor: str) -> None:
        """The device is gone: it is told to stop, and is judged no more."""
        ...
