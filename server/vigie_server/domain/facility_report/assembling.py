"""The report, put together from what was read. Pure: the same sources make the same report."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigie_server.domain.attesting import AttestationCatalogue
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.content import (
    Attested,
    Currency,
    IncidentPart,
    Kind,
    Making,
    Measured,
    Period,
    QuestionPart,
    RollUpReport,
    RuleCount,
    SiteReport,
    SiteRule,
    Spread,
    WaiverPart,
)
from vigie_server.domain.facility_report.plan import plan, steps_of
from vigie_server.domain.facility_report.questions import HEADINGS, question_of, subjects_of
from vigie_server.domain.facility_report.risks import risky_devices
from vigie_server.domain.facility_report.sources import (
    AttestedWord,
    DevicesSeen,
    GrantedWaiver,
    LevelHeld,
    SiteHistory,
    SitesMoved,
    SiteVerdictHeld,
)
from vigie_server.domain.facility_report.trends import move
from vigie_server.domain.incident_contacts import IncidentContacts
from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.rules import Rule
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status


@dataclass(frozen=True, slots=True)
class Terms:
    """What reports are made by: rules, ladder, catalogue of attestations, and figures in force.

    `share` is what levels ask of devices, `remind_before` how early an expiry is told of, `named`
    how many devices at risk are listed.
    """

    rules: Mapping[str, Rule]
    guide: SiteGuide
    attestations: AttestationCatalogue
    share: float
    remind_before: timedelta
    silent_after: timedelta
    named: int
    contacts: IncidentContacts


@dataclass(frozen=True, slots=True)
class SiteSources:
    """All that was read of a site."""

    site: Site
    region: str
    levels: Sequence[LevelHeld]
    history: SiteHistory
    verdicts: Sequence[SiteVerdictHeld]
    devices: DevicesSeen
    attested: Sequence[AttestedWord]
    waivers: Sequence[GrantedWaiver]
    incidents: IncidentPart


def site_report(
    sources: SiteSources, terms: Terms, *, period: Period, making: Making
) -> SiteReport:
    """The report of a facility."""
    now = making.at
    counts = _rule_counts(sources.devices, terms.rules)
    site_rules = _site_rules(sources.verdicts, terms.guide.titles)
    attested = [_attested(word, terms, now) for word in sources.attested]
    held = {level.question: level for level in sources.levels}
    questions = [
        _question(
            question,
            held.get(question),
            sources.history,
            (counts, site_rules, attested),
            terms.guide,
            period,
        )
        for question in QUESTIONS
    ]
    risky = risky_devices(
        sources.devices.devices, terms.rules, now=now, silent_after=terms.silent_after
    )
    return SiteReport(
        site=sources.site,
        region=sources.region,
        period=period,
        making=making,
        questions=questions,
        plan=plan([step for question in questions for step in question.steps]),
        risky=risky[: terms.named],
        more_risky=max(0, len(risky) - terms.named),
        waivers=_waivers(sources.waivers, terms, now),
        incidents=sources.incidents,
        contacts=terms.contacts,
        measured=_measured(sources, terms, period),
    )


def roll_up_report(
    kind: Kind,
    name: str,
    *,
    sites: int,
    levels: Mapping[int, Mapping[int | None, int]],
    moved: SitesMoved,
    period: Period,
    making: Making,
) -> RollUpReport:
    """The report of a managing body or a region."""
    return RollUpReport(
        kind=kind,
        name=name,
        sites=sites,
        period=period,
        making=making,
        spreads=[
            Spread(
                question,
                HEADINGS[question],
                levels.get(question, {None: sites}),
                moved.up.get(question, 0),
                moved.down.get(question, 0),
            )
            for question in QUESTIONS
        ],
    )


def currency(expires_at: datetime | None, now: datetime, remind_before: timedelta) -> Currency:
    """Whether what ends then still counts."""
    if expires_at is None:
        return Currency.IN_FORCE
    if now >= expires_at:
        return Currency.EXPIRED
    return Currency.DUE_SOON if now >= expires_at - remind_before else Currency.IN_FORCE


def _question(
    question: int,
    held: LevelHeld | None,
    history: SiteHistory,
    evidence: tuple[Sequence[RuleCount], Sequence[SiteRule], Sequence[Attested]],
    guide: SiteGuide,
    period: Period,
) -> QuestionPart:
    level = None if held is None else held.level
    changes = [(one.at, one.before) for one in history.changes if one.question == question]
    asked = subjects_of(guide.ladder, question)
    counts, site_rules, attested = evidence
    return QuestionPart(
        question=question,
        title=HEADINGS[question],
        level=level,
        words=None if level is None else guide.words.get(question, {}).get(level),
        reason=None if held is None else held.reason,
        since=None if held is None or level is None else held.since,
        period=move(level, changes, period.since, kept_since=history.kept_since),
        year=move(level, changes, period.year_ago, kept_since=history.kept_since),
        steps=steps_of(question, level, () if held is None else held.actions),
        rules=[count for count in counts if count.question == question or count.rule in asked],
        site_rules=[rule for rule in site_rules if _bears(rule.rule, question, asked)],
        attested=[word for word in attested if _bears(word.item, question, asked)],
    )


def _bears(subject: str, question: int, asked: Collection[str]) -> bool:
    return subject in asked or question_of(subject) == question


def _rule_counts(devices: DevicesSeen, rules: Mapping[str, Rule]) -> Sequence[RuleCount]:
    """Rules that were judged on some device, in the order of their ids."""
    found = []
    for rule, counted in sorted(devices.verdicts.items()):
        known = rules.get(rule)
        if known is not None:  # verdicts of rules that are gone linger until devices report
            found.append(
                RuleCount(
                    rule=rule,
                    question=known.question,
                    title=known.title,
                    severity=known.severity,
                    passing=counted.get(Status.PASS, 0),
                    failing=counted.get(Status.FAIL, 0),
                    waived=devices.waived.get(rule, 0),
                    unknown=counted.get(Status.UNKNOWN, 0),
                    beside=counted.get(Status.NOT_APPLICABLE, 0),
                )
            )
    return found


def _site_rules(
    verdicts: Sequence[SiteVerdictHeld], titles: Mapping[str, Texts]
) -> Sequence[SiteRule]:
    return [
        SiteRule(held.rule, _title(held.rule, titles), held.status, held.reason)
        for held in sorted(verdicts, key=lambda held: held.rule)
    ]


def _attested(word: AttestedWord, terms: Terms, now: datetime) -> Attested:
    item = terms.attestations.items.get(word.item)
    return Attested(
        item=word.item,
        title=_title(word.item, terms.guide.titles) if item is None else item.title,
        group=word.group,
        outcome=word.outcome,
        value=word.value,
        value_kind=None if item is None else item.value,
        author=word.author,
        document=word.document,
        reason=word.reason,
        at=word.at,
        expires_at=word.expires_at,
        currency=currency(word.expires_at, now, terms.remind_before),
    )


def _waivers(granted: Sequence[GrantedWaiver], terms: Terms, now: datetime) -> Sequence[WaiverPart]:
    """Those that were not withdrawn, the first to end first."""
    return [
        WaiverPart(
            rule=waiver.rule,
            title=_title(waiver.rule, terms.guide.titles),
            reason=waiver.reason,
            author=waiver.author,
            approver=waiver.approver,
            at=waiver.at,
            expires_at=waiver.expires_at,
            devices=waiver.devices,
            reopened=waiver.reopened,
            currency=currency(waiver.expires_at, now, terms.remind_before),
        )
        for waiver in sorted(granted, key=lambda waiver: (waiver.expires_at, waiver.rule))
    ]


def _measured(sources: SiteSources, terms: Terms, period: Period) -> Measured:
    seen = sources.devices
    verdicts = {
        status: sum(
            counted.get(status, 0) for rule, counted in seen.verdicts.items() if rule in terms.rules
        )
        for status in Status
    }
    heard = [
        device
        for device in seen.devices
        if device.last_report_at is not None and device.last_report_at >= period.since
    ]
    return Measured(
        declared=sources.site.declared_devices,
        counted=len(seen.devices),
        heard=len(heard),
        pending=seen.states.get(DeviceState.PENDING, 0),
        quarantined=seen.states.get(DeviceState.QUARANTINED, 0),
        verdicts=verdicts,
        waived=sum(count for rule, count in seen.waived.items() if rule in terms.rules),
        share=terms.share,
        silent_days=terms.silent_after.days,
        assessed_at=max((level.judged_at for level in sources.levels), default=None),
        kept_since=sources.history.kept_since,
    )


def _title(subject: str, titles: Mapping[str, Texts]) -> Texts:
    return titles.get(subject) or {"fr": subject, "en": subject}
