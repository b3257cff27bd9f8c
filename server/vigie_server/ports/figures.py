"""The server's own figures."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol


class Figures(Protocol):
    """Counts what the server does. Called on the event loop; never raises."""

    def session_opened(self) -> None: ...

    def session_closed(self) -> None: ...

    def reports_committed(self, count: int, *, seconds: float) -> None:
        """One group commit: how many changes, and how long it took."""
        ...

    def commit_failed(self) -> None:
        """The store refused a change or could not take it: its device keeps it and comes back."""
        ...

    def report_rejected(self) -> None: ...

    def report_repeated(self) -> None: ...

    def heartbeat_received(self) -> None: ...

    def resend_asked(self) -> None: ...

    def judged(self, verdicts: int, *, seconds: float) -> None: ...

    def swept(self, devices: int, *, at: datetime, overdue: timedelta) -> None:
        """One round of the sweeper: how late the device was that had waited longest."""
        ...

    def leads(self, *, leading: bool) -> None:
        """Whether this server does the scheduled work."""
        ...

    def notified(self, kind: str, outcome: str) -> None:
        """One attempt to hand a notice over: `sent`, `failed` (it is tried again), `given_up`."""
        ...

    def backed_up(self, at: datetime | None) -> None:
        """When the store was last backed up; None: never."""
        ...

    def backup_failed(self) -> None: ...

    def update_sent(self, count: int) -> None:
        """Bytes of a release that went to a device."""
        ...

    def update_turned_away(self) -> None:
        """A device found every place taken at which a release is read."""
        ...

    def updates(self, devices: Mapping[tuple[str, str], int], expiry: datetime | None) -> None:
        """Devices by version and state, and until when the channel is good; None without one."""
        ...
