"""The read model that metrics show, and where it is filled from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from vigie_server.domain.views import DeviceView


class ReadModel(Protocol):
    """Is told of every committed change of a device, on the event loop, after the commit."""

    async def show(self, views: Sequence[DeviceView]) -> None:
        """Replaces what is shown of these devices; retired ones disappear."""
        ...

    def seen(self, device_id: str, at: datetime) -> None:
        """The device was heard, and nothing else about it has changed; never moves back."""
        ...

    async def whole(self, devices: Collection[str]) -> None:
        """These are all devices there are, each shown: others go, and the model may be read."""
        ...


class ViewStore(Protocol):
    """Views of devices by their keys. Blocking: call it from a worker thread."""

    def views_after(self, key: int, *, limit: int) -> Sequence[tuple[int, DeviceView]]:
        """The next devices in order of their keys."""
        ...

    def views_of(self, keys: Collection[int]) -> Sequence[tuple[int, DeviceView]]: ...
