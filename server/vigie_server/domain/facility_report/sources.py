"""What a report is made of, as it is read from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie_server.domain.attesting import AttestedValue, Outcome
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.documents import Texts
from vigie_server.domain.verdicts import Status


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device that counts, with the rules that it fails without a waiver, each since when."""

    id: str
    hostname: str
    platform: str
    state: DeviceState
    nomadic: bool
    last_report_at: datetime | None
    failing: Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class DevicesSeen:
    """The devices of a site. `verdicts`: how many are under each verdict of a rule.

    A waived fail is counted under `waived` and not as a fail.
    """

    devices: Sequence[DeviceSeen]
    verdicts: Mapping[str, Mapping[Status, int]]
    waived: Mapping[str, int]
    states: Mapping[DeviceState, int]


@dataclass(frozen=True, slots=True)
class LevelMoved:
    """A level of a question that changed."""

    question: int
    before: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """Changes of level, and since when the site is looked at (None: it never was)."""

    changes: Sequence[LevelMoved]
    kept_since: datetime | None


@dataclass(frozen=True, slots=True)
class SitesMoved:
    """By question, how many sites stand higher or lower than they did."""

    up: Mapping[int, int]
    down: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class LevelHeld:
    """A level as it stands. `actions` as they are stored."""

    question: int
    level: int | None
    reason: Texts
    actions: Sequence[Mapping[str, Any]]
    since: datetime
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class SiteVerdictHeld:
    """A verdict on the whole site as it stands."""

    rule: str
    status: Status
    reason: Texts


@dataclass(frozen=True, slots=True)
class AttestedWord:
    """The newest word on an item, of the whole site or a group."""

    item: str
    group: str | None
    outcome: Outcome
    value: AttestedValue
    author: str
    document: str
    reason: str
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class GrantedWaiver:
    """A waiver that nobody withdrew; on `reopened` of its devices it covers nothing any more."""

    rule: str
    reason: str
    author: str
    approver: str
    at: datetime
    expires_at: datetime
    devices: tuple[str, ...]
    reopened: int
