"""The rounds collect what is due, keep reports durable, and stop when told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from collecting import HOUR, Hands, a_topic
from vigie_agent.domain.errors import EngineLost, SpoolUnusable
from vigie_agent.domain.moments import Moment
from vigie_agent.domain.plan import Plan, TopicPlan
from vigie_agent.domain.schedule import Schedule
from vigie_agent.domain.snapshot import Report, Snapshot, Status
from vigie_agent.services.rounds import ENGINE_RETRY, Rounds
from vigie_agent.spool.memory import MemorySpool


class FullDisk(MemorySpool):
    """A spool on a disk that may be full."""

    def __init__(self) -> None:
        super().__init__(max_bytes=1_000_000)
        self.full = False

    def append(self, report: Report) -> int:
        if self.full:
            raise SpoolUnusable("no space left on device")
        return super().append(report)


@dataclass
class Patrol:
    """Rounds over simple parts that the test can look into."""

    hands: Hands = field(default_factory=Hands)
    topics: dict[str, TopicPlan] = field(default_factory=lambda: {"fans": a_topic()})
    spool: FullDisk = field(default_factory=FullDisk)
    visited: list[str] = field(default_factory=list)
    waits: Mapping[str, timedelta] = field(default_factory=dict)
    appended: int = 0
    settled: int = 0
    lost: bool = False
    left_out: bool = False
    rested: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.rounds = Rounds(
            plan=lambda: Plan(self.topics),
            collect=self.collect,
            spool=self.spool,
            schedule=Schedule("device-1"),
            now=self.hands.now,
            boot_id="boot-1",
            board=self,
            appended=self.count,
            pause=timedelta(),
            settled=self.settle,
        )

    async def collect(self, topic: TopicPlan) -> Snapshot | None:
        self.visited.append(topic.topic)
        if self.lost:
            raise EngineLost("gone")
        if self.left_out:
            return None
        return Snapshot.of(
            topic=topic.topic,
            topic_version=1,
            status=Status.OK,
            columns=("speed",),
            rows=[(str(len(self.visited)),)],
        )

    def count(self) -> None:
        self.appended += 1

    def settle(self) -> None:
        self.settled += 1

    def collected(self, snapshot: Snapshot, now: Moment) -> None:
        """Nothing to show."""

    def waiting(self, waits: Mapping[str, timedelta], now: Moment) -> None:  # noqa: ARG002 (the port's)
        self.waits = waits
        self.rested.set()

    async def go_round(self) -> None:
        await self.rounds.go_round(asyncio.Event())


async def test_each_topic_is_one_report_stamped_with_both_clocks() -> None:
    patrol = Patrol(topics={"fans": a_topic(), "pumps": a_topic(name="pumps")})

    await patrol.go_round()

    reports = [entry.report for entry in patrol.spool.claim(limit=9)]
    assert sorted(report.snapshots[0].topic for report in reports) == ["fans", "pumps"]
    assert {report.boot_clock for report in reports} == {patrol.hands.boot}
    assert {report.collected_at for report in reports} == {patrol.hands.wall}
    assert {report.boot_id for report in reports} == {"boot-1"}
    assert patrol.appended == 2


async def test_only_a_round_that_collected_something_is_followed_by_tidying_up() -> None:
    patrol = Patrol(topics={"fans": a_topic(), "pumps": a_topic(name="pumps")})

    await patrol.go_round()
    patrol.hands.advance(timedelta(minutes=1))
    await patrol.go_round()

    assert patrol.settled == 1


async def test_a_topic_is_left_alone_until_it_is_due_again() -> None:
    patrol = Patrol()
    await patrol.go_round()

    patrol.hands.advance(timedelta(minutes=10))
    await patrol.go_round()
    patrol.hands.advance(1.5 * HOUR)
    await patrol.go_round()

    assert patrol.visited == ["fans", "fans"]


async def test_a_lost_engine_is_tried_again_after_a_minute() -> None:
    patrol = Patrol(lost=True)
    await patrol.go_round()

    patrol.lost = False
    await patrol.go_round()
    tried_at_once = len(patrol.visited) > 1
    patrol.hands.advance(ENGINE_RETRY)
    await patrol.go_round()

    assert not tried_at_once
    assert patrol.spool.pending() == 1


async def test_a_topic_that_discovery_leaves_out_reports_nothing() -> None:
    patrol = Patrol(left_out=True)

    await patrol.go_round()
    await patrol.go_round()

    assert patrol.visited == ["fans"]
    assert patrol.spool.pending() == 0


async def test_on_a_full_disk_the_newest_report_of_each_topic_is_kept_until_there_is_room() -> None:
    patrol = Patrol()
    patrol.spool.full = True
    await patrol.go_round()
    patrol.hands.advance(2 * HOUR)
    await patrol.go_round()

    patrol.spool.full = False
    await patrol.go_round()

    (entry,) = patrol.spool.claim(limit=9)
    assert entry.snapshot.rows == (("2",),)
    assert patrol.appended == 1


async def test_a_topic_that_the_plan_gained_is_collected_when_the_rounds_are_woken() -> None:
    patrol, stop = Patrol(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(patrol.rounds.run(stop))
        await patrol.rested.wait()
        patrol.rested.clear()

        patrol.topics["pumps"] = a_topic(name="pumps")
        patrol.rounds.wake()
        await patrol.rested.wait()
        stop.set()

    assert patrol.visited == ["fans", "pumps"]


async def test_rounds_that_wait_for_an_hour_stop_at_once() -> None:
    patrol, stop = Patrol(), asyncio.Event()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(patrol.rounds.run(stop))
        await patrol.rested.wait()
        stop.set()

    assert patrol.waits.keys() == {"fans"}


async def test_rounds_with_much_to_do_stop_between_two_topics() -> None:
    stop = asyncio.Event()
    patrol = Patrol(topics={name: a_topic(name=name) for name in ("a", "b", "c")})
    patrol.rounds.pause = HOUR
    patrol.rounds.appended = stop.set

    async with asyncio.timeout(20):
        await patrol.rounds.run(stop)

    assert len(patrol.visited) == 1
