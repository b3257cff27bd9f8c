"""What a report changes: evidence, facts, verdicts, transitions. No store, no wire: one step ahead.

The device's record moves on at once, so that reports behind this one build on it while it waits
for its commit. When the commit never comes, the record is stale and the device resumes from what
is in the store.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from vigie.v1.digest import canonical_form, form_digest
from vigie_server.domain.describing import INVENTORY, described
from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.made_often import made_often
from vigie_server.domain.observing import clock_skew, observed_at
from vigie_server.domain.records import (
    DeviceChange,
    DeviceRecord,
    Evidence,
    HeldSnapshot,
    HeldVerdict,
    Transition,
    WrittenVerdict,
)
from vigie_server.domain.remembered import ASK_AGAIN
from vigie_server.domain.reports import Limits, Report, Snapshot, refusal
from vigie_server.domain.score import Figures as DeviceFigures
from vigie_server.domain.score import figures as figures_over
from vigie_server.domain.standing import HOLD, standing
from vigie_server.domain.unread import glimpse, in_full, is_countable, not_standing, standings
from vigie_server.domain.verdicts import Status
from vigie_server.domain.waivers import Overlay
from vigie_server.domain.whereabouts import NETWORK, moved, nomadic
from vigie_server.ports.figures import Figures
from vigie_server.ports.judging import Content, Judging

KEPT_ROWS: Final = 32
"""Facts with more rows are read from the store again when a rule needs them: memory is bounded."""

FactLoader = Callable[[DeviceRecord, Collection[str]], Awaitable[None]]


Completion = Callable[[DeviceRecord], Awaitable[None]]
"""Has more of a device at hand: what was declared around it by now, or its verdicts in full."""


async def _as_it_was(_: DeviceRecord) -> None:
    """For records that hold all, and around whose devices nothing is declared meanwhile."""


@made_often
class Accepted:
    """What to commit, and what to tell the device once it is."""

    change: DeviceChange
    resend: tuple[str, ...] = ()
    rejection: str | None = None


@dataclass(slots=True)
class _Intake:
    """What the snapshots of one report come to."""

    evidence: list[Evidence] = field(default_factory=list)
    held: dict[str, HeldSnapshot] = field(default_factory=dict)
    seen: list[tuple[str, datetime]] = field(default_factory=list)
    resend: list[str] = field(default_factory=list)
    described: bool = False
    topics: set[str] = field(default_factory=set)


@made_often
class _Judged:
    """What judging changes."""

    verdicts: tuple[WrittenVerdict, ...] = ()
    transitions: tuple[Transition, ...] = ()
    retracted: tuple[str, ...] = ()
    reopened: tuple[int, ...] = ()
    figures: DeviceFigures | None = None
    anew: bool = False


_NOTHING: Final = _Judged()
_NO_TOPICS: Final = frozenset[str]()
_NO_RULES: Final = frozenset[str]()

_SETTLED_BY_CONTENT: Final = frozenset({Status.PASS, Status.FAIL, Status.NOT_APPLICABLE})
"""Verdicts that the same content, fresher, leaves as they are."""
_SETTLED_WHILE_FRESH: Final = _SETTLED_BY_CONTENT | {Status.UNKNOWN}
"""The same where it was not too old before either: a doubt then has other grounds."""
_SETTLED_BY_REPORTING: Final = frozenset({Status.PASS, Status.NOT_APPLICABLE})
"""Verdicts on the device alone that a report leaves as they are."""


def _may_move(
    record: DeviceRecord, rule: str, now: datetime, *, settled: frozenset[Status]
) -> bool:
    known = glimpse(record.verdicts, rule)
    if known is None:
        return True
    status, next_check_at = known
    return status not in settled or (next_check_at is not None and next_check_at <= now)


class AcceptReport:
    """Turns reports and due checks into changes of a device's record."""

    def __init__(
        self,
        judging: Judging,
        load_facts: FactLoader,
        figures: Figures,
        *,
        limits: Limits,
        hold: timedelta = HOLD,
        look_around: Completion = _as_it_was,
        load_verdicts: Completion = _as_it_was,
    ) -> None:
        self._judging = judging
        self._load_facts = load_facts
        self._figures = figures
        self._limits = limits
        self._hold = hold
        self._look_around = look_around
        self._load_verdicts = load_verdicts

    async def __call__(
        self, record: DeviceRecord, report: Report, *, received_at: datetime
    ) -> Accepted:
        """Takes the next report of a device; its sequence number is above the record's."""
        problem = refusal(report, self._limits)
        if problem is None:
            intake = self._intake(record, report, received_at)
            if isinstance(intake, _Intake):
                return await self._accepted(record, report, intake, received_at)
            problem = intake
        self._figures.report_rejected()
        change = _step(
            record, record.device, received_at, report.seq, rejected=(report.seq, problem)
        )
        return Accepted(change, rejection=problem)

    async def judge_again(
        self, record: DeviceRecord, rules: Collection[str] | None, *, now: datetime
    ) -> DeviceChange:
        """Judges these rules from the evidence at hand, and those that are not what they were.

        None: only the latter. These are all rules where it is not known what judged the device.
        """
        before, record.device = record.device, _placed(record.device, None, record, now)
        also = self._differing(record)
        if _as_rules_see(record.device) != _as_rules_see(before):
            also = None  # somebody said that it is nomadic, or it was off site long ago
        topics = None if also is None else _NO_TOPICS
        if also is not None and rules is not None:
            also = also.union(rules)
        judged = await self._judged(record, topics, now, on_device=False, also=also or _NO_RULES)
        return _step(record, before, now, record.last_seq, judged=judged, heard=False)

    def forget_bulky(self, record: DeviceRecord, *, committed_revision: int) -> None:
        """Lets go of facts with many rows: they are in the store, or asked for again."""
        for topic, held in list(record.snapshots.items()):
            if (
                held.fact is None
                or held.fact.cells.count <= KEPT_ROWS
                or held.revision > committed_revision
            ):
                continue
            if self._judging.keeps(topic):
                record.snapshots[topic] = replace(held, fact=None)
            else:
                del record.snapshots[topic]

    def _intake(
        self, record: DeviceRecord, report: Report, received_at: datetime
    ) -> "_Intake | str":
        intake = _Intake()
        for snapshot in report.snapshots:
            held = record.snapshots.get(snapshot.topic)
            instant = observed_at(
                received_at=received_at,
                elapsed=report.elapsed if snapshot.elapsed is None else snapshot.elapsed,
                previous=record.enrolled_at if held is None else held.observed_at,
            )
            if snapshot.unchanged and (held is None or held.digest != snapshot.digest):
                intake.resend.append(snapshot.topic)
            elif held is not None and held.digest == snapshot.digest:
                self._take_seen(record, snapshot.topic, held, instant, intake, received_at)
            elif not self._take_new(
                record, snapshot, held, report.seq, instant, intake, received_at
            ):
                return f"{snapshot.topic}: the digest is not that of the rows"
        return intake

    def _take_seen(
        self,
        record: DeviceRecord,
        topic: str,
        held: HeldSnapshot,
        instant: datetime,
        intake: _Intake,
        now: datetime,
    ) -> None:
        """The content stands, and is fresher: only verdicts that time can move are judged again."""
        fact = None if held.fact is None else held.fact.at(instant)
        intake.held[topic] = HeldSnapshot(held.digest, instant, held.revision, fact)
        if self._judging.keeps(topic):
            intake.seen.append((topic, instant))
        if self._may_move_with(record, topic, held, now):
            intake.topics.add(topic)

    def _may_move_with(
        self, record: DeviceRecord, topic: str, held: HeldSnapshot, now: datetime
    ) -> bool:
        """Whether any verdict may move with what is as it was on a topic, and fresher."""
        age = now - held.observed_at
        for rule in self._judging.rules_reading(topic):
            lasts = self._judging.doubts_after(rule)
            fresh = lasts is not None and age < lasts
            settled = _SETTLED_WHILE_FRESH if fresh else _SETTLED_BY_CONTENT
            if rule in self._judging.moving or _may_move(
                # A pass that has outlived its freshness ends with the first word of its device.
                record,
                rule,
                now + ASK_AGAIN,
                settled=settled,
            ):
                return True
        return False

    def _take_new(
        self,
        record: DeviceRecord,
        snapshot: Snapshot,
        held: HeldSnapshot | None,
        seq: int,
        instant: datetime,
        intake: _Intake,
        now: datetime,
    ) -> bool:
        form = canonical_form(
            topic=snapshot.topic,
            topic_version=snapshot.topic_version,
            status=snapshot.status,
            message=snapshot.message,
            columns=snapshot.columns,
            values=snapshot.values,
        )
        if form_digest(form) != snapshot.digest:
            return False
        fact = self._judging.fact(_content(snapshot), instant)
        intake.held[snapshot.topic] = HeldSnapshot(
            snapshot.digest, instant, record.revision + 1, fact
        )
        if self._judging.keeps(snapshot.topic):
            intake.evidence.append(
                Evidence(
                    snapshot.topic,
                    snapshot.digest,
                    snapshot.status,
                    seq,
                    form,
                    snapshot.query_digest,
                    instant,
                )
            )
        if snapshot.topic == INVENTORY:
            intake.described = True
            intake.topics.add(snapshot.topic)
        elif held is None or not _reads_alike(held.fact, fact):
            if self._judging.rules_reading(snapshot.topic):
                intake.topics.add(snapshot.topic)
        elif self._may_move_with(record, snapshot.topic, held, now):
            intake.topics.add(snapshot.topic)
        return True

    async def _accepted(
        self, record: DeviceRecord, report: Report, intake: _Intake, received_at: datetime
    ) -> Accepted:
        if intake.described:  # others may hold for the device that it says to be
            await self._look_around(record)
        record.snapshots.update(intake.held)
        skew = clock_skew(sent_at=report.sent_at, received_at=received_at)
        device = heard = record.device.heard(received_at, skew)
        inventory, network = intake.held.get(INVENTORY), intake.held.get(NETWORK)
        if inventory is not None and inventory.fact is not None:
            device = described(device, inventory.fact)
            known = record.device
            if (device.chassis, device.hostname) != (known.chassis, known.hostname):
                device = record.around.around(device)  # other groups may pick it now
        device = _placed(device, None if network is None else network.fact, record, received_at)
        topics: frozenset[str] | None = frozenset(intake.topics)
        also = self._differing(record)
        said_more = device is not heard
        if also is None or (said_more and _as_rules_see(device) != _as_rules_see(record.device)):
            topics = None  # what every rule may ask of the device has changed
        before = record.device if said_more else device  # as it is listed; it was heard since
        record.device = device
        judged = _NOTHING
        on_device = topics is None or self._came_back(record, received_at)
        if topics is None or topics or on_device or not self._is_current(record):
            judged = await self._judged(
                record, topics, received_at, on_device=on_device, also=also or _NO_RULES
            )
        change = _step(record, before, received_at, report.seq, intake=intake, judged=judged)
        return Accepted(change, resend=tuple(intake.resend))

    def _came_back(self, record: DeviceRecord, now: datetime) -> bool:
        """Whether a report, whatever is in it, can move a rule on the device alone."""
        for rule in self._judging.rules_moved_by_reporting:
            if _may_move(record, rule, now, settled=_SETTLED_BY_REPORTING):
                return True
        return False

    def _is_current(self, record: DeviceRecord) -> bool:
        return record.judged_with == self._judging.digest

    def _differing(self, record: DeviceRecord) -> frozenset[str] | None:
        """The rules that the device's verdicts do not stand for; None where it may be any."""
        if self._is_current(record):
            return _NO_RULES
        return self._judging.differing(record.judged_with)

    async def _judged(
        self,
        record: DeviceRecord,
        topics: frozenset[str] | None,
        now: datetime,
        *,
        on_device: bool,
        also: frozenset[str],
    ) -> _Judged:
        judging = self._judging
        read = judging.topics_beside(topics)
        if also:
            read = read.union(*map(judging.topics_of, also))
        facts = await self._facts(record, read)
        began = perf_counter()
        written: list[WrittenVerdict] = []
        transitions: list[Transition] = []
        reopened: list[int] = []
        waivers = record.waivers
        anew = not self._is_current(record)
        recount = record.figures is None or topics is None or anew
        verdicts = judging.judge(
            record.device, facts, topics=topics, on_device=on_device, also=also, now=now
        )
        # Nearly all stand as they are when a fleet is judged again.
        moved = verdicts if waivers else not_standing(record.verdicts, verdicts, now)
        lacking = moved or (recount and not is_countable(record.verdicts))
        if lacking and not in_full(record.verdicts):
            await self._load_verdicts(record)
            moved = verdicts if waivers else not_standing(record.verdicts, verdicts, now)
        differ = not waivers and in_full(record.verdicts)
        for verdict in moved:
            held = record.verdicts.get(verdict.rule)
            become = standing(
                held,
                verdict,
                now=now,
                facts=facts,
                topics=judging.topics_of(verdict.rule),
                waivers=waivers.get(verdict.rule, ()) if waivers else (),
                hold=self._hold,
                differs=differ,
            )
            if waivers and verdict.rule in waivers:
                reopened += _reopened(record, verdict.rule, become.overlay)
            if _counts_otherwise(held, become.held):
                recount = True
            record.verdicts[verdict.rule] = become.held
            if become.written is not None:
                written.append(become.written)
            if become.transition is not None:
                transitions.append(become.transition)
        self._figures.judged(len(verdicts), seconds=perf_counter() - began)
        retracted: tuple[str, ...] = ()
        if topics is None or anew:
            rules = judging.rules
            retracted = tuple(sorted([rule for rule in record.verdicts if rule not in rules]))
            for rule in retracted:
                del record.verdicts[rule]
            record.judged_with = judging.digest
        counted = self._counted(record) if recount else None
        return _Judged(
            tuple(written), tuple(transitions), retracted, tuple(reopened), counted, anew
        )

    def _counted(self, record: DeviceRecord) -> DeviceFigures | None:
        """The figures over all verdicts, if they are not as before."""
        decisive = self._judging.decisive
        counted = figures_over(
            [
                (status, waived, rule in decisive)
                for rule, status, waived in standings(record.verdicts)
            ]
        )
        if counted == record.figures:
            return None
        record.figures = counted
        return counted

    async def _facts(self, record: DeviceRecord, topics: Collection[str]) -> Mapping[str, Fact]:
        held = record.snapshots
        missing = [topic for topic in topics if topic in held and held[topic].fact is None]
        if missing:
            await self._load_facts(record, missing)
        return {
            topic: fact
            for topic in topics
            if topic in held and (fact := held[topic].fact) is not None
        }


def _counts_otherwise(held: HeldVerdict | None, become: HeldVerdict) -> bool:
    return (
        held is None
        or held.verdict.status is not become.verdict.status
        or held.waived is not become.waived
    )


def _reads_alike(before: Fact | None, fact: Fact | None) -> bool:
    """Whether it is known that whatever reads these of a topic finds the same, but for when."""
    return before is not None and fact is not None and before.cells is fact.cells


def _reopened(record: DeviceRecord, rule: str, over: Overlay) -> Iterable[int]:
    """The waivers that the verdict ended for this device; the record forgets them."""
    if over.left:
        record.waivers[rule] = over.left
    else:
        del record.waivers[rule]
    return [waiver.key for waiver in over.reopened]


def _placed(device: Device, network: Fact | None, record: DeviceRecord, now: datetime) -> Device:
    """The device where it is by what it says of its network, if it says anything."""
    whereabouts = device.whereabouts
    if network is not None and network.status == "ok":
        rows = [row for row in network.rows if row.get("collected") is True]
        whereabouts = moved(whereabouts, rows, record.grounds, now=now)
    roams = nomadic(whereabouts, record.grounds, chassis=device.chassis, now=now)
    if whereabouts is device.whereabouts and roams is device.nomadic:
        return device
    return replace(device, whereabouts=whereabouts, nomadic=roams)


def _as_rules_see(device: Device) -> tuple[object, ...]:
    return (
        device.chassis,
        device.os,
        device.os_version,
        device.nomadic,
        device.whereabouts.presence,
        device.parameters,
        device.declared,
    )


def _as_listed(device: Device) -> tuple[object, ...]:
    """What the store holds of what the device is and where."""
    return (*_as_shown(device), device.whereabouts)


def _as_shown(device: Device) -> tuple[object, ...]:
    """What metrics show of the device itself, which a report may change."""
    return device.hostname, device.os, device.os_version, device.chassis, device.nomadic


def _content(snapshot: Snapshot) -> Content:
    return Content(
        snapshot.topic,
        snapshot.topic_version,
        snapshot.status,
        snapshot.message,
        snapshot.columns,
        snapshot.values,
    )


def _step(
    record: DeviceRecord,
    device_before: Device,
    now: datetime,
    last_seq: int,
    *,
    intake: _Intake | None = None,
    judged: _Judged = _NOTHING,
    rejected: tuple[int, str] | None = None,
    heard: bool = True,
) -> DeviceChange:
    """Moves the record one revision further, and gives the change that does so in the store."""
    before = record.revision
    record.revision = before + 1
    record.last_seq = last_seq
    return DeviceChange(
        key=record.key,
        device_id=record.device.id,
        at=now,
        revision_before=before,
        revision=before + 1,
        spool_id=record.spool_id,
        last_seq=last_seq,
        device=record.device,
        judged_with=record.judged_with,
        evidence=() if intake is None else tuple(intake.evidence),
        seen=() if intake is None else tuple(intake.seen),
        verdicts=judged.verdicts,
        transitions=judged.transitions,
        retracted=judged.retracted,
        reopened=judged.reopened,
        rejected=rejected,
        figures=judged.figures,
        heard=heard,
        described=(
            record.device is not device_before
            and _as_listed(record.device) != _as_listed(device_before)
        ),
        judged_anew=judged.anew,
        reshown=(
            record.device is not device_before
            and _as_shown(record.device) != _as_shown(device_before)
        ),
    )
