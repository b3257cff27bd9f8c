"""The read model that metrics show, and where it is filled from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from vigie_server.domain.views import DeviceView


class ReadModel(Protocol):
    """Is told of every committed change of a device, on the event loop, after the commit."""

    def put(self, view: DeviceView) -> None: ...

    def seen(self, device_id: str, at: datetime) -> None: ...

    def remove(self, device_id: str) -> None: ...


class ViewStore(Protocol):
    """Views of devices by their keys. Blocking: call it from a worker thread."""

    def views_after(self, key: int, *, limit: int) -> Sequence[tuple[int, DeviceView]]:
        """The next devices in order of their keys."""
        ...

    def views_of(self, keys: Collection[int]) -> Sequence[tuple[int, DeviceView]]: ...
