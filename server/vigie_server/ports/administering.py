"""What a person says of a device that no query sees. All block; all raise NotFound."""

from datetime import datetime
from typing import Protocol

from vigie_server.domain.devices import DeviceState


class DeviceActs(Protocol):
    """Acts on devices, which the audit keeps."""

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
