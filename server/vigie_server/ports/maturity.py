"""What readers see of sites' levels, rules and inventories. All block."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vigie_server.domain.site_figures import Inventory
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act, Sites


class WrittenInventory(StrEnum):
    """What Vigie can write of the inventories; the rest is their attested complement."""

    EQUIPMENT = "equipment"
    SOFTWARE = "software"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class LevelRecord:
    """A site's level of one question as it stands. `actions` as they were stored."""

    question: int
    level: int | None
    reason: Mapping[str, str]
    actions: Sequence[Mapping[str, object]]
    since: datetime
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A level that changed."""

    question: int
    before: int | None
    after: int | None
    reason: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class SiteVerdictRecord:
    """A rule's verdict on a whole site."""

    rule: str
    status: Status
    reason: Mapping[str, str]
    since: datetime
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class RollUp:
    """How many of `sites` hold each level, by question; `levels[q][None]` are not assessed."""

    sites: int
    levels: Mapping[int, Mapping[int | None, int]]


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """The newest review of an inventory; None: never. `due_at`: when the next one is."""

    inventory: Inventory
    reviewed_at: datetime | None
    author: str
    complement: str
    due_at: datetime | None
    attested: bool


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What a device reports on a topic: the canonical form of its newest answer."""

    device: str
    hostname: str
    platform: str
    observed_at: datetime
    form: bytes


class MaturityReader(Protocol):
    """Reads what sites came to. A site that does not exist raises NotFound."""

    def levels(self, site: str) -> Sequence[LevelRecord]:
        """In the order of the questions; none while the site was not looked at."""
        ...

    def history(self, site: str, *, limit: int) -> Sequence[LevelChange]:
        """The newest first."""
        ...

    def verdicts(self, site: str) -> Sequence[SiteVerdictRecord]:
        """In the order of the rules' ids."""
        ...

    def of_body(self, body: str, within: Sites) -> RollUp:
        """Raises NotFound where the body runs no site within the scope."""
        ...

    def of_region(self, region: str, within: Sites) -> RollUp:
        """Raises NotFound where the region has no site within the scope."""
        ...


class Inventories(Protocol):
    """The five inventories of a site: their reviews, and the part that devices report."""

    def reviews(self, site: str, *, days: int, now: datetime) -> Sequence[ReviewRecord]:
        """Each of the five, due `days` after its last review. Raises NotFound."""
        ...

    def review(self, site: str, inventory: Inventory, complement: str, act: Act) -> None:
        """Records a review. Raises NotFound."""
        ...

    def answers(self, site: str, topic: str) -> Iterator[DeviceAnswer]:
        """The newest answer of each of the site's devices, a few at a time. Raises NotFound."""
        ...


class InventoryFiles(Protocol):
    """Writes inventories from stored evidence."""

    def csv(self, site: str, what: WrittenInventory) -> Iterator[str]:
        """The file, line by line. Raises NotFound before the first line."""
        ...
