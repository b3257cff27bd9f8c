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

    def last_act(self) -> int:
        """The number of the newest act on record (see `acted_on`); 0 when there is none."""
        ...

    def acted_on(self, act: int, *, limit: int) -> tuple[int, Sequence[int]]:
        """The devices of the acts after this one, by any process, and the last of these acts."""
        ...
