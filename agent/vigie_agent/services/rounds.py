"""The rounds: collects each topic when it is due and makes the report durable, until stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

import structlog

from vigie_agent.domain.errors import EngineLost, SpoolUnusable
from vigie_agent.domain.moments import Moment
from vigie_agent.domain.plan import Plan, TopicPlan
from vigie_agent.domain.schedule import Schedule
from vigie_agent.domain.snapshot import Report, Snapshot
from vigie_agent.ports import Spool

log = structlog.get_logger()

LOOK_AGAIN: Final = timedelta(seconds=30)
"""The longest that the rounds wait without looking at the clocks, which may have jumped."""

ENGINE_RETRY: Final = timedelta(minutes=1)


class Board(Protocol):
    """Where the rounds say how they are doing."""

    def collected(self, snapshot: Snapshot, now: Moment) -> None: ...

    def waiting(self, waits: Mapping[str, timedelta], now: Moment) -> None: ...


@dataclass(slots=True)
class Rounds:
    """One topic at a time, the most overdue first, `pause` apart: calm even after a long sleep.

    `appended` is called after each report that became durable, `settled` after each round that
    collected something. `wake` makes the rounds look at the plan and the clocks at once.
    """

    plan: Callable[[], Plan]
    collect: Callable[[TopicPlan], Awaitable[Snapshot | None]]
    spool: Spool
    schedule: Schedule
    now: Callable[[], Moment]
    boot_id: str
    board: Board
    appended: Callable[[], None]
    pause: timedelta
    settled: Callable[[], None] = lambda: None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _unsaved: dict[str, Report] = field(default_factory=dict)

    def wake(self) -> None:
        """Something changed: look at once."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Goes round until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            waker = group.create_task(self._wake_on(stop), name="rounds-waker")
            while not stop.is_set():
                await self.go_round(stop)
                await self._rest()
            waker.cancel()

    async def go_round(self, stop: asyncio.Event) -> None:
        """Collects what is due now, once each."""
        plan = self.plan()
        self.schedule.follow(
            {name: topic.interval for name, topic in plan.topics.items()}, self.now()
        )
        self._save_again()
        due = self.schedule.due(self.now())
        for position, name in enumerate(due):
            if position and await self._stopped_within(self.pause, stop):
                return
            await self._visit(plan.topics[name])
        if due:
            self.settled()
            log.info("round_ended", topics=len(due))

    async def _visit(self, topic: TopicPlan) -> None:
        try:
            snapshot = await self.collect(topic)
        except EngineLost as error:
            log.warning("engine_lost", topic=topic.topic, error=str(error))
            self.schedule.retry(topic.topic, self.now(), after=ENGINE_RETRY)
            return
        now = self.now()
        self.schedule.collected(topic.topic, now)
        if snapshot is None:
            return
        self.board.collected(snapshot, now)
        self._save(topic.topic, Report(now.wall, self.boot_id, now.boot, (snapshot,)))

    def _save(self, topic: str, report: Report) -> None:
        """Makes the report durable; on a full disk keeps the newest of each topic in memory."""
        try:
            self.spool.append(report)
        except SpoolUnusable as error:
            if topic not in self._unsaved:
                log.error("report_not_durable", topic=topic, error=str(error))
            self._unsaved[topic] = report
            return
        self._unsaved.pop(topic, None)
        self.appended()

    def _save_again(self) -> None:
        for topic, report in list(self._unsaved.items()):
            self._save(topic, report)

    async def _rest(self) -> None:
        now = self.now()
        self.board.waiting(self.schedule.waits(now), now)
        until_due = self.schedule.wait(now)
        wait = LOOK_AGAIN if until_due is None else min(until_due, LOOK_AGAIN)
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.wake()

    @staticmethod
    async def _stopped_within(span: timedelta, stop: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(span.total_seconds()):
                return await stop.wait()
        except TimeoutError:
            return False
