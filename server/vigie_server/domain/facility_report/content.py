"""What a report holds: plain facts with texts in both languages, before any wording or layout.

No account of a device is in it, and no text of the incident log: a report is handed on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vigie_server.domain.attesting import AttestedValue, Outcome, ValueKind
from vigie_server.domain.documents import Texts
from vigie_server.domain.incident_contacts import IncidentContacts
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Severity, Status


class Kind(StrEnum):
    """What a report is on."""

    SITE = "site"
    BODY = "body"
    REGION = "region"


class Trend(StrEnum):
    """How a level moved; `NEW`: it was not assessed then."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    NEW = "new"
    NONE = "none"


class Currency(StrEnum):
    """Whether an attestation or a waiver still counts. `DUE_SOON` does."""

    IN_FORCE = "in_force"
    DUE_SOON = "due_soon"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Period:
    """What the report covers: from `since` to before `until`; `year_ago` for the longer trend."""

    since: datetime
    until: datetime
    year_ago: datetime


@dataclass(frozen=True, slots=True)
class Making:
    """How the report came to be. `author` is empty where the server made it by itself."""

    at: datetime
    author: str
    version: str


@dataclass(frozen=True, slots=True)
class Move:
    """A level then, and how it moved since; `known` is false where nothing was kept of then."""

    then: int | None
    trend: Trend
    known: bool = True


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule over the devices that count, each under one verdict."""

    rule: str
    question: int
    title: Texts
    severity: Severity
    passing: int
    failing: int
    waived: int
    unknown: int
    beside: int

    @property
    def applies(self) -> int:
        """The devices that it applies to."""
        return self.passing + self.failing + self.waived + self.unknown


@dataclass(frozen=True, slots=True)
class SiteRule:
    """A rule of the whole site, and what it came to."""

    rule: str
    title: Texts
    status: Status
    reason: Texts


@dataclass(frozen=True, slots=True)
class Attested:
    """What a person attested. `group` is None for the whole site."""

    item: str
    title: Texts
    group: str | None
    outcome: Outcome
    value: AttestedValue
    value_kind: ValueKind | None
    author: str
    document: str
    reason: str
    at: datetime
    expires_at: datetime | None
    currency: Currency


@dataclass(frozen=True, slots=True)
class Step:
    """A thing to do, for the next level of these questions. `effort` orders, the cheapest first.

    `level` is the lowest that one of these questions holds; 0 where nothing is known.
    """

    words: Texts
    questions: tuple[int, ...]
    level: int
    effort: int


@dataclass(frozen=True, slots=True)
class QuestionPart:
    """One of the thirteen questions. `level` is None while nothing is known of it."""

    question: int
    title: Texts
    level: int | None
    words: Texts | None
    reason: Texts | None
    since: datetime | None
    period: Move
    year: Move
    steps: Sequence[Step]
    rules: Sequence[RuleCount]
    site_rules: Sequence[SiteRule]
    attested: Sequence[Attested]


class Risk(StrEnum):
    """Why a device is told of, the gravest first."""

    STOLEN = "stolen"
    LOST = "lost"
    CRITICAL = "critical"
    NOMADIC = "nomadic"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class RiskyDevice:
    """A device with all the risks it is told for. `rules` are the titles of those it fails."""

    hostname: str
    id: str
    platform: str
    risks: tuple[Risk, ...]
    rules: tuple[Texts, ...]
    failing_since: datetime | None
    last_report_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaiverPart:
    """A risk that was accepted, on so many devices."""

    rule: str
    title: Texts
    reason: str
    author: str
    approver: str
    at: datetime
    expires_at: datetime
    devices: tuple[str, ...]
    reopened: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class IncidentPart:
    """The incident log in numbers: entries in all, in the period, the newest one."""

    entries: int
    in_period: int
    last_at: datetime | None
    intact: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """How it was measured. `share` is what a level asks of devices, 0 to 1.

    `counted` devices are active, lost or stolen; `heard` of them reported within the period.
    """

    declared: int | None
    counted: int
    heard: int
    pending: int
    quarantined: int
    verdicts: Mapping[Status, int]
    waived: int
    share: float
    silent_days: int
    assessed_at: datetime | None
    kept_since: datetime | None

    @property
    def unknown_percent(self) -> int:
        """Of the checks that apply, so many per cent are unknown; 1 where there is any."""
        unknown = self.verdicts[Status.UNKNOWN]
        applies = unknown + self.waived + self.verdicts[Status.PASS] + self.verdicts[Status.FAIL]
        return max(1, round(100 * unknown / applies)) if unknown else 0


@dataclass(frozen=True, slots=True)
class SiteReport:
    """The report of one facility. `more_risky`: devices at risk that are not listed."""

    site: Site
    region: str
    period: Period
    making: Making
    questions: Sequence[QuestionPart]
    plan: Sequence[Step]
    risky: Sequence[RiskyDevice]
    more_risky: int
    waivers: Sequence[WaiverPart]
    incidents: IncidentPart
    contacts: IncidentContacts
    measured: Measured


@dataclass(frozen=True, slots=True)
class Spread:
    """How sites spread over the levels of a question, and how many moved in the period."""

    question: int
    title: Texts
    levels: Mapping[int | None, int]
    up: int
    down: int


@dataclass(frozen=True, slots=True)
class RollUpReport:
    """The report of a managing body or a region: numbers of sites, and nothing of any of them."""

    kind: Kind
    name: str
    sites: int
    period: Period
    making: Making
    spreads: Sequence[Spread]
