"""The seams of the server: the smallest protocol each user needs, and what can go wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import FactRow
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView

# --- Readers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a reader asks for; an empty filter is all that its scope allows."""

    sites: frozenset[str] | None = None
    platform: str | None = None
    state: str | None = None
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

    def ready(self) -> None:
        """Returns when the store answers; raises StoreBusy otherwise."""
        ...


# --- Tokens of the API ----------------------------------------------------------------------------


class Role(StrEnum):
    """What a token of the API may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    CONTRACTOR = "contractor"
    SCRAPE = "scrape"


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Who calls: the token's id and name, its role, and its sites (None: every site)."""

    token_id: str
    name: str
    role: Role
    sites: frozenset[str] | None = field(default=None)


class ApiTokens(Protocol):
    """Knows the tokens of the API. Blocking: call it from a worker thread."""

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        """Who holds this token. Raises TokenRefused, without saying what is wrong with it."""
        ...


# --- The read model -------------------------------------------------------------------------------


class ReadModel(Protocol):
    """Is told of every committed change of a device, on the event loop, after the commit."""

    def put(self, view: DeviceView) -> None: ...

    def seen(self, device_id: str, at: datetime) -> None: ...

    def remove(self, device_id: str) -> None: ...
