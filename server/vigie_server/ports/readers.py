"""What the API and the console read of the fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import FactRow
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a reader asks for; an empty filter is all that its scope allows."""

    sites: frozenset[str] | None = None
    platform: str | None = None
    state: str | None = None
    revoked: bool | None = None
    rule: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of devices in order of their id. `next_after` is the next page's `after`."""

    devices: Sequence[DeviceView]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """A verdict as it stands, with its evidence."""

    rule: str
    rule_version: int
    status: Status
    reason: Mapping[str, str]
    offending: Sequence[FactRow]
    since: datetime
    failing_since: datetime | None
    evidence_at: datetime | None
    next_check_at: datetime | None
    waived: bool = False


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """A change of verdict: what it was, what it became, when and why."""

    rule: str
    before: Status | None
    after: Status
    at: datetime
    reason: Mapping[str, str]


class FleetReader(Protocol):
    """What the API and the console read. Blocking: call it from a worker thread."""

    def devices(self, wanted: DeviceFilter, *, after: str | None, limit: int) -> Page: ...

    def device(self, device_id: str) -> Device:
        """Raises NotFound."""
        ...

    def verdicts(self, device_id: str) -> Sequence[VerdictRecord]:
        """In the order of the rules' ids. Raises NotFound."""
        ...

    def transitions(self, device_id: str, *, limit: int) -> Sequence[TransitionRecord]:
        """The newest first. Raises NotFound."""
        ...

    def reported_topics(self, device_id: str) -> Mapping[str, datetime]:
        """When each topic that the device has reported was last true. Raises NotFound."""
        ...

    def site_exists(self, name: str) -> bool: ...

    def ready(self) -> None:
        """Returns when the store answers; raises StoreBusy otherwise."""
        ...
