"""The JSON shapes of the API: what a reader gets, field by field, and nothing of the store."""

from datetime import date, datetime

from pydantic import BaseModel

from vigie_server.domain import score
from vigie_server.domain.devices import Device
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rules import Rule
from vigie_server.domain.views import DeviceView
from vigie_server.ports.readers import TransitionRecord, VerdictRecord


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
        )


class DeviceInList(DeviceShape):
    """A device with its score. `compliant` and `compliance_ratio` are null until it is judged.

    `waived_rules` are those of the failing rules whose risk a person accepted.
    """

    compliant: bool | None
    compliance_ratio: float | None
    failing_rules: list[str]
    waived_rules: list[str]

    @classmethod
    def of_view(cls, view: DeviceView) -> "DeviceInList":
        """The device and its figures over its standing verdicts."""
        standing = list(view.verdicts.values())
        return cls(
            **DeviceShape.of(view.device).model_dump(),
            compliant=score.compliant(standing) if standing else None,
            compliance_ratio=score.compliance_ratio(standing),
            failing_rules=sorted(
                rule for rule, verdict in view.verdicts.items() if verdict.status == "fail"
            ),
            waived_rules=sorted(rule for rule, verdict in view.verdicts.items() if verdict.waived),
        )


class DeviceList(BaseModel):
    """A page of devices. Ask again with `after=<next_after>` until it is null."""

    items: list[DeviceInList]
    next_after: str | None


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

    @classmethod
    def of(cls, record: VerdictRecord) -> "VerdictShape":
        """The verdict, word for word."""
        return cls(
            rule=record.rule,
            rule_version=record.rule_version,
            status=record.status.value,
            reason=dict(record.reason),
            offending=[dict(row) for row in record.offending],
            since=record.since,
            failing_since=record.failing_since,
            evidence_at=record.evidence_at,
            next_check_at=record.next_check_at,
            waived=record.waived,
        )


class VerdictList(BaseModel):
    """All standing verdicts of one device, in the order of the rules' ids."""

    items: list[VerdictShape]


class TransitionShape(BaseModel):
    """A change of verdict."""

    rule: str
    before: str | None
    after: str
    at: datetime
    reason: dict[str, str]

    @classmethod
    def of(cls, record: TransitionRecord) -> "TransitionShape":
        """The change, word for word."""
        return cls(
            rule=record.rule,
            before=record.before.value if record.before else None,
            after=record.after.value,
            at=record.at,
            reason=dict(record.reason),
        )


class TransitionList(BaseModel):
    """Changes of verdict, the newest first."""

    items: list[TransitionShape]


class RuleShape(BaseModel):
    """A rule of the guide, in French and English."""

    id: str
    version: int
    question: int
    severity: str
    platforms: list[str]
    beyond_guide: bool
    title: dict[str, str]
    why: dict[str, str]
    remediation: dict[str, dict[str, str]]

    @classmethod
    def of(cls, rule: Rule) -> "RuleShape":
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
        )


class ReferenceShape(BaseModel):
    """A list or table that rules use, and its day. `own`: the server's, not the release's."""

    name: str
    recorded: date
    own: bool

    @classmethod
    def of(cls, reference: Reference) -> "ReferenceShape":
        """What tells how fresh the reference is."""
        return cls(name=reference.name, recorded=reference.recorded, own=reference.own)


class RuleList(BaseModel):
    """Every rule, in the order of its id, and the reference data they use."""

    items: list[RuleShape]
    references: list[ReferenceShape]
