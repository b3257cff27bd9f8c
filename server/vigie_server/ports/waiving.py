"""Waivers, as people grant and read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.facts import FactRow
from vigie_server.domain.waivers import NewWaiver, RowKeys
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act


@dataclass(frozen=True, slots=True)
class WaivedDeviceRecord:
    """A device under a waiver: what is accepted on it, and when a new row reopened it.

    Of one that is `retired` nothing is accepted any more: it is gone, and judged no more.
    """

    device: str
    hostname: str
    rows: Sequence[FactRow]
    reopened_at: datetime | None
    retired: bool

    @property
    def is_covered(self) -> bool:
        """Whether the waiver still accepts anything here, as long as it is in force."""
        return self.reopened_at is None and not self.retired


@dataclass(frozen=True, slots=True)
class WaiverRecord:
    """A waiver as it stands. `ended_at` is its withdrawal; it also ends by itself."""

    id: str
    site: str
    rule: str
    reason: str
    author: str
    approver: str
    at: datetime
    expires_at: datetime
    ended_at: datetime | None
    devices: Sequence[WaivedDeviceRecord]

    def is_past(self, now: datetime) -> bool:
        """Whether it was withdrawn or has expired; one that was reopened waits to be seen to."""
        return self.ended_at is not None or now >= self.expires_at

    def in_force(self, now: datetime) -> bool:
        """Whether it still covers at least one device."""
        return not self.is_past(now) and any(device.is_covered for device in self.devices)


class WaiverStore(Protocol):
    """Grants, ends and lists waivers. Blocking: call it from a worker thread."""

    def grant(
        self, site: str, given: NewWaiver, keys: RowKeys, act: Act
    ) -> tuple[WaiverRecord, bool]:
        """The waiver, and whether it is new: the same one in force is given back as it is.

        Raises NotFound, DeclarationRefused.
        """
        ...

    def end(
        self,
        site: str,
        waiver_id: str,
        act: Act,
        require: Require[WaiverRecord] = whatever,
    ) -> WaiverRecord:
        """Withdraws it: the verdicts underneath show at once. Raises NotFound."""
        ...

    def waiver(self, site: str, waiver_id: str) -> WaiverRecord:
        """Raises NotFound."""
        ...

    def waivers(self, site: str) -> Sequence[WaiverRecord]:
        """Every waiver of the site, the newest first. Raises NotFound."""
        ...
