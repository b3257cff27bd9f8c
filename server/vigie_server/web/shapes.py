"""The JSON shapes of the API: what a reader gets, field by field, and nothing of the store."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from vigie_server.domain.devices import Device
from vigie_server.domain.reference import SupportedRelease
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rule_references import estimated
from vigie_server.domain.rules import Rule
from vigie_server.ports.lists import ChangeOfDevice, DeviceEntry, RuleTally, VerdictOfDevice
from vigie_server.ports.readers import TransitionRecord, VerdictRecord
from vigie_server.ports.rule_days import DayOfRule
from vigie_server.web.listing import Fields, PageShape


class DeviceShape(BaseModel):
    """A device."""

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
    revoked: bool = Field(
        description="Its certificates were taken out of force: it is refused and judged no more. "
        "Its last verdicts stand and count until it is retired. False of a retired device."
    )

    @classmethod
    def of(cls, device: Device) -> "DeviceShape":
        """The device, without what only the server needs."""
        return cls(
            id=device.id,
            site=device.site,
            profile=device.profile,
            state=device.state.value,
            hostname=device.hostname,
            platform=device.platform,
            os=device.os,
            os_version=device.os_version,
            chassis=device.chassis,
            agent_version=device.agent_version,
            enrolled_at=device.enrolled_at,
            last_report_at=device.last_report_at,
            clock_skew_seconds=device.clock_skew_seconds,
            nomadic=device.nomadic,
            revoked=device.revoked,
        )


class DeviceInList(DeviceShape):
    """A device with its score. `compliant` and `compliance_ratio` are null until it is judged.

    `waived_rules` are those of the failing rules whose risk a person accepted.
    """

    compliant: bool | None
    compliance_ratio: float | None
    failing_rules: list[str]
    waived_rules: list[str]


class DeviceList(PageShape[DeviceInList]):
    """A page of devices."""


class VerdictShape(BaseModel):
    """A verdict as it stands: why, by which rows, since when."""

    rule: str
    rule_version: int
    status: str
    reason: dict[str, str]
    offending: list[dict[str, str | int | float | bool | None]]
    since: datetime
    failing_since: datetime | None
    evidence_at: datetime | None
    next_check_at: datetime | None
    waived: bool


class VerdictList(PageShape[VerdictShape]):
    """Standing verdicts of one device, in the order of the rules' ids."""


class RuleVerdictShape(VerdictShape):
    """A rule's verdict on a device."""

    device: str
    hostname: str
    site: str


class RuleVerdictList(PageShape[RuleVerdictShape]):
    """Standing verdicts of one rule, by status and then in the order of enrolment."""


class TransitionShape(BaseModel):
    """A change of verdict."""

    rule: str
    before: str | None
    after: str
    at: datetime
    reason: dict[str, str]


class TransitionList(PageShape[TransitionShape]):
    """Changes of a device's verdicts, the newest first unless asked otherwise."""


class FleetTransitionShape(TransitionShape):
    """A change of verdict, and whose it was."""

    device: str
    hostname: str
    site: str


class FleetTransitionList(PageShape[FleetTransitionShape]):
    """Changes of verdict, the newest first unless asked otherwise."""


class CountsShape(BaseModel):
    """How many devices hold each verdict; `failing` leaves out the waived ones."""

    passing: int
    failing: int
    waived: int
    unknown: int
    not_applicable: int

    @classmethod
    def of(cls, tally: RuleTally) -> "CountsShape":
        """The counts of a rule."""
        return cls(
            passing=tally.passing,
            failing=tally.failing,
            waived=tally.waived,
            unknown=tally.unknown,
            not_applicable=tally.not_applicable,
        )


class RuleShape(BaseModel):
    """A rule of the guide, in French and English, and what it comes to.

    `devices` counts those that the caller sees and that are not retired. `compliance_ratio` is the
    share that passes of those that pass, fail, waived or not, or are unknown; null where none does.
    """

    id: str
    version: int
    question: int
    severity: str
    platforms: list[str]
    beyond_guide: bool
    title: dict[str, str]
    why: dict[str, str]
    remediation: dict[str, dict[str, str]]
    devices: CountsShape
    compliance_ratio: float | None

    @classmethod
    def of(cls, rule: Rule, tally: RuleTally) -> "RuleShape":
        """What a reader needs to understand a verdict of this rule."""
        return cls(
            id=rule.id,
            version=rule.version,
            question=rule.question,
            severity=rule.severity.value,
            platforms=sorted(rule.platforms),
            beyond_guide=rule.beyond_guide,
            title=dict(rule.title),
            why=dict(rule.why),
            remediation={name: dict(text) for name, text in rule.remediation.items()},
            devices=CountsShape.of(tally),
            compliance_ratio=tally.ratio,
        )


class EstimatedEndShape(BaseModel):
    """An end of support that its vendor has not published: `source` says how it was reckoned."""

    name: str
    ends: date
    source: str

    @classmethod
    def of(cls, release: SupportedRelease) -> "EstimatedEndShape":
        """What is told of the release."""
        return cls(name=release.name, ends=release.ends, source=release.source)


class ReferenceShape(BaseModel):
    """A list or table that rules use, and its day. `own`: the server's, not the release's."""

    name: str
    recorded: date
    own: bool
    estimated: list[EstimatedEndShape] = Field(
        description="Of a table of ends of support: those that no vendor has published."
    )

    @classmethod
    def of(cls, reference: Reference) -> "ReferenceShape":
        """What tells how fresh the reference is."""
        return cls(
            name=reference.name,
            recorded=reference.recorded,
            own=reference.own,
            estimated=[EstimatedEndShape.of(release) for release in estimated(reference)],
        )


class RuleList(PageShape[RuleShape]):
    """Rules, in the order of their ids, and the reference data they use."""

    references: list[ReferenceShape]


class RuleDayShape(BaseModel):
    """What a rule came to at the end of a day (UTC); today's is what it comes to now."""

    day: date
    passing: int
    failing: int
    waived: int
    unknown: int
    not_applicable: int

    @classmethod
    def of(cls, held: DayOfRule) -> "RuleDayShape":
        """The counts of a day; `failing` leaves out the waived ones."""
        return cls(day=held.day, **CountsShape.of(held.tally).model_dump())


class RuleDayList(PageShape[RuleDayShape]):
    """Days of a rule, the oldest first."""


def device_told(entry: DeviceEntry) -> Fields:
    """The fields of `DeviceInList`: the device and its figures over its standing verdicts."""
    return entry.fields()


def verdict_told(record: VerdictRecord) -> Fields:
    """The fields of `VerdictShape`, word for word."""
    return {
        "rule": record.rule,
        "rule_version": record.rule_version,
        "status": record.status,
        "reason": record.reason,
        "offending": record.offending,
        "since": record.since,
        "failing_since": record.failing_since,
        "evidence_at": record.evidence_at,
        "next_check_at": record.next_check_at,
        "waived": record.waived,
    }


def rule_verdict_told(held: VerdictOfDevice) -> Fields:
    """The fields of `RuleVerdictShape`: the verdict, and whose it is."""
    return verdict_told(held.verdict) | _whose(held)


def transition_told(record: TransitionRecord) -> Fields:
    """The fields of `TransitionShape`, word for word."""
    return {
        "rule": record.rule,
        "before": record.before,
        "after": record.after,
        "at": record.at,
        "reason": record.reason,
    }


def change_told(found: ChangeOfDevice) -> Fields:
    """The fields of `FleetTransitionShape`: the change, and whose it was."""
    return transition_told(found.change) | _whose(found)


def _whose(found: VerdictOfDevice | ChangeOfDevice) -> Fields:
    return {"device": found.device, "hostname": found.hostname, "site": found.site}
