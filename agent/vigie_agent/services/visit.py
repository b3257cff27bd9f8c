"""One session with the server, from its Welcome to its end.

What is sent stays in the spool until it is acknowledged, so a session may break at any point: the
next one begins with what the server says it has.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from vigie_agent.domain.conversation import Conversation
from vigie_agent.domain.errors import DeviceDisabled, LinkLost
from vigie_agent.domain.fitting import fitted
from vigie_agent.domain.moments import Moment
from vigie_agent.domain.orders import LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.session import (
    Ack,
    Disable,
    Goodbye,
    Heartbeat,
    Order,
    RenewNow,
    Resend,
    Sending,
    Told,
    Welcome,
)
from vigie_agent.domain.snapshot import Report, Status
from vigie_agent.domain.spooling import Entry
from vigie_agent.domain.together import may_join
from vigie_agent.ports import Answering, Line, Orders, Spool
from vigie_agent.services.waiting import first_of

log = structlog.get_logger()

MOST_QUESTIONS: Final = 8
"""Live questions that wait for their answer; more are refused at once."""

CLOSES_WITHIN: Final = timedelta(seconds=20)
"""How long a server may take to end a session in which it has acknowledged everything."""


@dataclass(frozen=True, slots=True)
class Visited:
    """All was delivered; come back after `visit`."""

    visit: timedelta


@dataclass(frozen=True, slots=True)
class Again:
    """Greet the server anew at once: this device has another certificate, or another spool."""

    why: str


Ending = Goodbye | Visited | Again


class Renewing(Protocol):
    """Renews the certificate when it is time to, by the server's clock."""

    async def __call__(self, server_now: datetime | None, *, ordered: bool) -> bool:
        """Whether there is a new certificate. Never raises LinkLost or DeviceRefused."""
        ...


@dataclass(slots=True)
class Visit:
    """One session. `wake` is set whenever there may be something to send.

    `progressed` is called each time that the session proves to be good for something. `not_kept`
    are topics whose rows the server judges and does not keep.
    """

    line: Line
    welcome: Welcome
    spool: Spool
    spool_id: bytes
    orders: Orders
    answer: Answering
    renew: Renewing
    now: Callable[[], Moment]
    boot_id: str
    wake: asyncio.Event
    progressed: Callable[[], None]
    not_kept: Collection[str] = ()
    _conversation: Conversation = field(init=False)
    _questions: asyncio.Queue[LiveQuestion] = field(default_factory=asyncio.Queue)
    _welcomed: Moment = field(init=False)
    _held_back: Entry | None = None
    _unanswered: int = 0
    _finished: bool = False

    def __post_init__(self) -> None:
        self._conversation = Conversation(self.welcome.max_in_flight)
        self._welcomed = self.now()

    async def run(self) -> Ending:
        """Delivers until the session ends. Raises LinkLost, SpoolUnusable, DeviceDisabled."""
        if not self.spool.resume(self.welcome.resume_after):
            log.error("spool_started_over", why="the server knows more than this spool ever sent")
            return Again("an older copy of the spool")
        if self.spool.enter_epoch(self.welcome.store_epoch):
            log.info("store_epoch_entered", pending=self.spool.pending())
        self.orders.limit(self.welcome.limits)
        if self.welcome.config is not None:
            self.orders.follow(self.welcome.config)
        if await self.renew(self._server_now(), ordered=False):
            return Again("a new certificate")
        for question in self.welcome.questions:
            await self._ask(question)
        return await first_of(self._receive(), self._send(), self._answer())

    # --- What the server says ---------------------------------------------------------------------

    async def _receive(self) -> Ending:
        while (order := await self.line.receive()) is not None:
            if (ending := await self._obey(order)) is not None:
                return ending
        if self._finished:
            return Visited(self.welcome.intervals.visit)
        raise LinkLost("the server ended the session")

    async def _obey(self, order: Order) -> Ending | None:
        """Does what the server says; how the session ends, if it does."""
        match order:
            case Ack():
                self._acknowledge(order)
            case Resend(topics=topics):
                self._resend(topics)
            case LiveQuestion():
                await self._ask(order)
            case ServerConfig():
                self.orders.follow(order)
            case RenewNow(reason=reason):
                log.info("renewal_ordered", reason=reason)
                if await self.renew(self._server_now(), ordered=True):
                    return Again("a new certificate")
            case Goodbye():
                return order
            case Disable(reason=reason):
                raise DeviceDisabled(reason)
        return None

    def _acknowledge(self, ack: Ack) -> None:
        for seq, reason in ack.rejected.items():
            log.error("report_rejected", seq=seq, reason=reason)
        refused = [self._conversation.within(seq) for seq in ack.rejected]
        numbers = {seq for report in refused for seq, _ in report}
        self.spool.acknowledge(ack.seq, rejected=ack.rejected.keys() | numbers)
        before = self._conversation.in_flight
        self._conversation.acknowledged(ack.seq, ack.rejected.keys())
        # One of those that travelled together is at fault: each is sent again, alone.
        if again := {topic for report in refused if len(report) > 1 for _, topic in report}:
            self.spool.requeue(again)
        if self._conversation.in_flight < before:
            self.progressed()
        self.wake.set()

    def _resend(self, topics: tuple[str, ...]) -> None:
        queued = self.spool.requeue(topics)
        self._conversation.resend(topics)
        log.info("resend_asked", topics=list(topics), queued=queued)
        self.wake.set()

    async def _ask(self, question: LiveQuestion) -> None:
        if self._finished:
            log.info("question_came_too_late", ask_id=question.ask_id)
        elif self._unanswered == MOST_QUESTIONS:
            message = f"{MOST_QUESTIONS} questions are waiting already"
            await self.line.send(LiveAnswer(question.ask_id, Status.REFUSED, message))
        else:
            self._unanswered += 1
            self._questions.put_nowait(question)

    async def _answer(self) -> Ending:
        while True:
            question = await self._questions.get()
            await self.line.send(await self.answer(question))
            self._unanswered -= 1
            self.wake.set()

    # --- What the device says ---------------------------------------------------------------------

    async def _send(self) -> Ending:
        intervals = self.welcome.intervals
        while True:
            self.wake.clear()
            if not await self._send_pending():
                return Again("another spool")
            if not intervals.stay and self.spool.pending() == 0 and self._unanswered == 0:
                break
            try:
                async with asyncio.timeout(intervals.heartbeat.total_seconds()):
                    await self.wake.wait()
            except TimeoutError:
                await self.line.send(Heartbeat(self.now().wall, self.spool.pending()))
                self.progressed()
                if await self.renew(self._server_now(), ordered=False):
                    return Again("a new certificate")
        self._finished = True
        await self.line.finish()
        await asyncio.sleep(CLOSES_WITHIN.total_seconds())  # `_receive` ends first, and so all
        return Visited(intervals.visit)

    async def _send_pending(self) -> bool:
        """Sends what may be sent now; False when the spool is not the one that was announced."""
        while self._conversation.has_room:
            if self.spool.spool_id != self.spool_id:
                return False
            if not (report := self._next_report()):
                break
            entries, told = zip(*report, strict=True)
            self._conversation.sent(*entries)
            sending = Sending(
                seq=entries[-1].seq,
                collected_at=min(entry.report.collected_at for entry in entries),
                sent_at=self.now().wall,
                told=told,
            )
            await self.line.send(sending)
        return True

    def _next_report(self) -> list[tuple[Entry, Told]]:
        """The oldest entries that may travel together; the one after them waits for the next."""
        report: list[tuple[Entry, Told]] = []
        while (entry := self._held_back or self._claimed()) is not None:
            told = self._told(entry)
            if not may_join(report, entry, told, self.welcome.limits):
                self._held_back = entry
                break
            self._held_back = None
            report.append((entry, told))
        return report

    def _claimed(self) -> Entry | None:
        claimed = self.spool.claim(limit=1)
        return self._fitted(claimed[0]) if claimed else None

    def _fitted(self, entry: Entry) -> Entry:
        snapshot = fitted(entry.snapshot, self.welcome.limits)
        if snapshot is entry.snapshot:
            return entry
        log.warning("snapshot_too_large", topic=snapshot.topic, message=snapshot.message)
        self.spool.amend(entry.seq, snapshot)
        return replace(entry, report=replace(entry.report, snapshots=(snapshot,)))

    def _told(self, entry: Entry) -> Told:
        topic = entry.snapshot.topic
        # What the server does not keep it cannot compare with: once a session it travels whole.
        committed = None if topic in self.not_kept else self.spool.committed_digest(topic)
        return Told(
            entry.snapshot,
            unchanged=self._conversation.is_unchanged(entry, committed),
            elapsed=self._elapsed(entry.report, self.now()),
        )

    def _elapsed(self, report: Report, now: Moment) -> timedelta | None:
        """Time since collection, when this boot's clock has seen all of it."""
        if report.boot_id != self.boot_id or now.boot < report.boot_clock:
            return None
        return now.boot - report.boot_clock

    def _server_now(self) -> datetime | None:
        """The server's clock now, carried on from its Welcome by the boot clock."""
        told = self.welcome.server_time
        return None if told is None else told + (self.now().boot - self._welcomed.boot)
