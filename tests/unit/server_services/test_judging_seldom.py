"""A report that changes nothing judges next to nothing, and no verdict differs for it.

Recorded devices report what they have at any time, after any pause, as old as it may be; rules that
come due are swept. Whenever one looks, each rule stands as if all of them had just been judged.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from vigie.v1 import telemetry_pb2
from vigie.v1.digest import snapshot_digest
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.describing import INVENTORY
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.reports import Limits, Report, Snapshot
from vigie_server.domain.score import Figures, figures
from vigie_server.domain.verdicts import Status
from vigie_server.ingest import wire
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import SHARED_ROWS, RuleBook
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.naming import names_of
from vigie_server.simulator.recorded import RECORDED, recordings

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
CATALOGUE: Final = bundled_catalogue()
BOOK: Final = RuleBook(CATALOGUE)
ANSWERS: Final = Answers(recordings(RECORDED), CATALOGUE.topics, NOW)
PAUSES: Final = st.sampled_from(
    [timedelta(minutes=15), timedelta(hours=9), timedelta(days=3), timedelta(days=8)]
)
AGES: Final = st.sampled_from([timedelta(0), timedelta(minutes=15), timedelta(days=7, hours=1)])


async def leave_out(_: DeviceRecord, __: Collection[str]) -> None:
    """As a store that does not hold the rows."""


def answers_of(recording: int) -> dict[str, Snapshot]:
    """What the recorded device answers, by topic."""
    message = telemetry_pb2.Report(
        seq=1,
        snapshots=[
            ANSWERS.snapshot(recording, names_of(1, recording), topic, ANSWERS.born)
            for topic in ANSWERS.topics(recording)
        ],
    )
    return {snapshot.topic: snapshot for snapshot in wire.report(message).snapshots}


def only_digest(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, unchanged=True, columns=(), values=(), row_count=0)


def beside(snapshot: Snapshot, mark: str) -> Snapshot:
    """The same answer to whatever reads it, with something new that nobody reads."""
    width = len(snapshot.columns)
    rows = [snapshot.values[n * width : (n + 1) * width] for n in range(snapshot.row_count)]
    columns = (*snapshot.columns, f"zzz {mark}")  # of answers without rows this alone is new
    values = tuple([value for row in rows for value in (*row, mark)])
    digest = snapshot_digest(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        status=snapshot.status,
        message=snapshot.message,
        columns=columns,
        values=values,
    )
    return replace(snapshot, columns=columns, values=values, digest=digest)


class Life:
    """A device and its server, by the same clock."""

    def __init__(self, recording: int) -> None:
        self.recording = recording
        self.answers = answers_of(recording)
        self.record = DeviceRecord(
            key=1,
            device=Device(
                id="d1",
                site="s1",
                profile="standard",
                platform=ANSWERS.recordings[recording].platform,
                state=DeviceState.ACTIVE,
            ),
            revision=0,
            spool_id=b"",
            last_seq=0,
            boot_ids=(),
            judged_with=BOOK.digest,
            enrolled_at=NOW - timedelta(days=30),
        )
        self.now = NOW
        self._registry = CollectorRegistry()
        self.accept = AcceptReport(
            RuleBook(CATALOGUE), leave_out, OwnFigures(self._registry), limits=Limits()
        )

    @property
    def judged(self) -> float | None:
        """How many verdicts were worked out."""
        return self._registry.get_sample_value("vigie_judge_verdicts_total")

    async def report(self, ages: dict[str, timedelta], *, new: Collection[str] = ()) -> None:
        """The answers to these topics, as old as that: digests where the server has them.

        Those of `new` come whole, with something new that no rule reads.
        """
        held = self.record.snapshots
        for topic in new:
            self.answers[topic] = beside(answers_of(self.recording)[topic], str(self.now))
        snapshots = [
            replace(only_digest(one) if topic in held and topic not in new else one, elapsed=age)
            for topic, age in ages.items()
            for one in [self.answers[topic]]
        ]
        seq = self.record.last_seq + 1
        report = Report(seq, self.now, max(ages.values(), default=timedelta(0)), snapshots)
        await self.accept(self.record, report, received_at=self.now)

    async def sweep(self) -> None:
        """Judges what is due, as the sweeper does."""
        due = [
            rule
            for rule, held in self.record.verdicts.items()
            if held.next_check_at is not None and held.next_check_at <= self.now
        ]
        if due:
            await self.accept.judge_again(self.record, due, now=self.now)

    def stands(self) -> dict[str, Status]:
        return {rule: held.verdict.status for rule, held in self.record.verdicts.items()}

    def counted(self) -> Figures:
        """The figures over all that stands."""
        decisive = BOOK.decisive
        return figures(
            [
                (held.verdict.status, held.waived, rule in decisive)
                for rule, held in self.record.verdicts.items()
            ]
        )

    def judged_now(self) -> dict[str, Status]:
        """What every rule says at this moment, judged afresh."""
        facts = {
            topic: held.fact
            for topic, held in self.record.snapshots.items()
            if held.fact is not None
        }
        device = self.record.device
        verdicts = RuleBook(CATALOGUE).judge(
            device, facts, topics=None, on_device=True, now=self.now
        )
        return {verdict.rule: verdict.status for verdict in verdicts}


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(data=st.data(), recording=st.integers(0, len(ANSWERS.recordings) - 1))
async def test_whenever_one_looks_each_rule_stands_as_if_judged_just_now(
    data: st.DataObject, recording: int
) -> None:
    life = Life(recording)
    topics = sorted(life.answers)
    await life.report(dict.fromkeys(topics, timedelta(0)))

    for _ in range(data.draw(st.integers(1, 4), label="steps")):
        life.now += data.draw(PAUSES, label="pause")
        ages = data.draw(st.dictionaries(st.sampled_from(topics), AGES), label="reports")
        new = [topic for topic in ages if data.draw(st.booleans(), label=f"new: {topic}")]
        await life.report(ages, new=new)
        await life.sweep()

        assert life.record.figures == life.counted()
        stands, now = life.stands(), life.judged_now()
        compared = [rule for rule, status in stands.items() if may_be_compared(rule, status)]
        assert {rule: stands[rule] for rule in compared} == {rule: now[rule] for rule in compared}


async def test_a_pass_that_outlived_its_freshness_ends_with_the_first_word_of_its_device() -> None:
    rule, topic = "Q04-signatures-fresh", "antivirus"
    ended = 0
    for recording in range(len(ANSWERS.recordings)):
        life = Life(recording)
        if topic not in life.answers:
            continue
        await life.report(dict.fromkeys(life.answers, timedelta(0)))
        if life.stands()[rule] is not Status.PASS:
            continue
        life.now += timedelta(days=3)
        await life.sweep()
        outlived = life.stands()[rule] is Status.PASS
        life.now += timedelta(minutes=15)
        await life.report({topic: timedelta(0)})

        assert life.stands()[rule] is life.judged_now()[rule]
        ended += outlived and life.stands()[rule] is Status.FAIL
    assert ended


def may_be_compared(rule: str, status: Status) -> bool:
    """Not what has no next check: what does not apply, and doubts of rules that follow the time."""
    follows_time = CATALOGUE.rules[rule].depends_on is None
    return status is not Status.NOT_APPLICABLE and not (follows_time and status is Status.UNKNOWN)


async def test_a_report_that_changes_nothing_judges_only_what_moves_with_it() -> None:
    for recording in range(len(ANSWERS.recordings)):
        life = Life(recording)
        await life.report(dict.fromkeys(life.answers, timedelta(0)))
        life.now += timedelta(minutes=15)
        may_follow = {
            rule.id for rule in CATALOGUE.rules.values() if rule.moving or rule.depends_on is None
        }
        settled = {
            topic for topic in life.answers if may_follow.isdisjoint(BOOK.rules_reading(topic))
        }
        judged = life.judged

        await life.report(dict.fromkeys(settled, timedelta(0)))

        assert len(settled) > len(life.answers) / 3
        assert life.judged == judged


async def test_what_is_new_beside_what_rules_read_is_kept_and_judged_no_more_than_the_same() -> (
    None
):
    for recording in range(len(ANSWERS.recordings)):
        life = Life(recording)
        few = {t for t, answer in life.answers.items() if answer.row_count <= SHARED_ROWS}
        await life.report(dict.fromkeys(few, timedelta(0)))
        life.now += timedelta(seconds=1)  # what was shown once is not remembered
        await life.report(dict.fromkeys(few, timedelta(0)), new=few)
        may_follow = {
            rule.id for rule in CATALOGUE.rules.values() if rule.moving or rule.depends_on is None
        }
        settled = {topic for topic in few if may_follow.isdisjoint(BOOK.rules_reading(topic))}
        settled.discard(INVENTORY)
        held, judged = dict(life.record.snapshots), life.judged
        life.now += timedelta(minutes=15)

        await life.report(dict.fromkeys(settled, timedelta(0)), new=settled)

        assert len(settled) > len(life.answers) / 3
        assert life.judged == judged
        for topic in settled:
            now = life.record.snapshots[topic]
            assert now.digest == life.answers[topic].digest != held[topic].digest
            assert now.revision == life.record.revision > held[topic].revision
