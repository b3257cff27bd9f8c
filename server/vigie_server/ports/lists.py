"""The long lists of the API: devices, verdicts, changes, counts, acts. All block.

`sites` is what the caller may see; None: every site. A position tells where a page begins and
nothing else: whatever it says, no item outside `sites` is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from vigie_server.domain.score import Figures
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.readers import TransitionRecord, VerdictRecord

DeviceSort = Literal["id", "-id", "hostname", "-hostname", "failing", "-failing"]
TimeSort = Literal["at", "-at"]


@dataclass(frozen=True, slots=True)
class DevicesWanted:
    """Which devices, in which order. `hostname` is how the name begins.

    `rule` with `status` keeps devices with that verdict, each alone those with any of it.
    """

    sites: Sites = None
    state: str | None = None
    platform: str | None = None
    compliant: bool | None = None
    nomadic: bool | None = None
    revoked: bool | None = None
    hostname: str | None = None
    rule: str | None = None
    status: Status | None = None
    sort: DeviceSort = "id"


class ListedDevice(NamedTuple):
    """What lists show of a device, see `domain.devices.Device`.

    A plain tuple: a page holds a thousand, made from as many rows.
    """

    id: str
    site: str
    profile: str
    state: str
    hostname: str
    platform: str
    os: str
    os_version: str
    chassis: str
    agent_version: str
    enrolled_at: datetime | None
    last_report_at: datetime | None
    clock_skew_seconds: float | None
    nomadic: bool
    revoked: bool


class DeviceEntry(NamedTuple):
    """A device with its figures and the rules that it fails; `waived_rules` are among them."""

    device: ListedDevice
    figures: Figures
    failing_rules: Sequence[str]
    waived_rules: Sequence[str]

    def fields(self) -> dict[str, Any]:
        """All that lists show of it, by the names of the API and in its order."""
        told = self.device._asdict()
        told["compliant"] = self.figures.compliant
        told["compliance_ratio"] = self.figures.ratio
        told["failing_rules"] = self.failing_rules
        told["waived_rules"] = self.waived_rules
        return told


BETWEEN_ITEMS: Final = b",\n"
"""Stands between two items that are written in JSON, and nowhere inside of one."""


class ItemsInJson(NamedTuple):
    """A page whose items the store wrote: what stands between the brackets of their array.

    `after` as in `Page`.
    """

    items: bytes
    number: int
    after: Position | None


@dataclass(frozen=True, slots=True)
class ChangesWanted:
    """Which changes of verdict: `since` is included, `until` is not."""

    sites: Sites = None
    rule: str | None = None
    after: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: TimeSort = "-at"


@dataclass(frozen=True, slots=True)
class ChangeOfDevice:
    """A change of verdict, with whose it is."""

    device: str
    hostname: str
    site: str
    change: TransitionRecord


@dataclass(frozen=True, slots=True)
class VerdictOfDevice:
    """A verdict as it stands, with whose it is."""

    device: str
    hostname: str
    site: str
    verdict: VerdictRecord


@dataclass(frozen=True, slots=True)
class RuleTally:
    """How many devices hold each verdict of a rule; `failing` leaves out the waived ones."""

    rule: str
    passing: int = 0
    failing: int = 0
    waived: int = 0
    unknown: int = 0
    not_applicable: int = 0

    @property
    def ratio(self) -> float | None:
        """Devices that pass of those that the rule counts for; None where there is none."""
        counted = self.passing + self.failing + self.waived + self.unknown
        return self.passing / counted if counted else None


@dataclass(frozen=True, slots=True)
class AuditedAct:
    """Something that somebody did."""

    at: datetime
    actor: str
    action: str
    subject: str


@dataclass(frozen=True, slots=True)
class ActsWanted:
    """Which acts: `since` is included, `until` is not."""

    actor: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: TimeSort = "-at"


class DeviceLists(Protocol):
    """Devices and their verdicts."""

    def devices(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> Page[DeviceEntry]: ...

    def devices_in_json(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> ItemsInJson:
        """The same page, of objects with `DeviceEntry.fields`."""
        ...

    def verdicts(
        self, device_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> Page[VerdictRecord]:
        """In the order of the rules' ids. Raises NotFound."""
        ...

    def verdicts_of_rule(
        self,
        rule: str,
        sites: Sites,
        *,
        status: Status | None,
        after: Position | None,
        limit: int,
    ) -> Page[VerdictOfDevice]:
        """In the order of the status and of the devices' enrolment."""
        ...

    def tallies(self, sites: Sites) -> Sequence[RuleTally]:
        """In the order of the rules' ids; exact, of devices that are not retired."""
        ...


class ChangeLists(Protocol):
    """Changes of verdict."""

    def changes(
        self, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> Page[ChangeOfDevice]: ...

    def changes_of(
        self, device_id: str, wanted: ChangesWanted, *, after: Position | None, limit: int
    ) -> Page[TransitionRecord]:
        """Of one device. Raises NotFound."""
        ...


class AuditTrail(Protocol):
    """Who did what."""

    def acts(
        self, wanted: ActsWanted, *, after: Position | None, limit: int
    ) -> Page[AuditedAct]: ...
