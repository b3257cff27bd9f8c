"""One device's open session: what it sends is taken in turn, acknowledged once committed.

A declaration, a sweep or another server may move the device's record while reports made on it are
on their way to the store. They are taken again on the record as it is then; the session ends, and
the device comes back and resumes, when another session began or the store failed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from vigie_server.domain.cloning import STRAGGLING
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeviceCloned, MalformedRequest
from vigie_server.domain.made_often import made_often
from vigie_server.domain.observing import clock_skew
from vigie_server.domain.orders import Ack, Ask, Goodbye, Order, Resend, Welcome
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.reports import MAX_SEQ, Heartbeat, Limits, Report
from vigie_server.domain.whereabouts import NETWORK
from vigie_server.ports.asking import AnswerPiece
from vigie_server.ports.figures import Figures
from vigie_server.ports.sessions import RecordStore
from vigie_server.services.accept_report import Accepted, AcceptReport
from vigie_server.services.ask_devices import AskDevices, QuestionsOfSession
from vigie_server.services.device_records import DeviceRecords, Slot
from vigie_server.services.group_commit import End, GroupCommit
from vigie_server.services.views import Viewing
from vigie_server.services.workers import Workers

SOON: Final = timedelta(seconds=2)

TAKEN_AGAIN: Final = 8
"""Rounds without a commit after which a device whose record never stands still must come back."""


@made_often
class Taken:
    """A report, and when it came."""

    report: Report
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What every session is told and held to."""

    limits: Limits
    heartbeat: timedelta
    visit: timedelta
    held: int
    visitors: int
    visit_within: timedelta
    per_second: float
    overload_retry: timedelta
    quarantined_retry: timedelta
    seen_every: timedelta


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What sessions work with."""

    store: RecordStore
    workers: Workers
    records: DeviceRecords
    accept: AcceptReport
    commits: GroupCommit
    viewing: Viewing
    figures: Figures
    now: Callable[[], datetime]
    asking: AskDevices


class Owner(Protocol):
    """Who opened a session."""

    @property
    def parts(self) -> SessionParts: ...

    @property
    def terms(self) -> SessionTerms: ...

    def soon(self) -> timedelta:
        """When a device comes back that can be served at once."""
        ...

    async def quarantine(self, record: DeviceRecord, reason: str) -> None:
        """Sets the device aside; its open session ends."""
        ...

    def left(self, session: "Session") -> None:
        """Called once by each session as it closes."""
        ...


class Session:
    """One device's open session."""

    def __init__(
        self,
        owner: Owner,
        slot: Slot,
        record: DeviceRecord,
        boot_id: str,
        welcome: Welcome,
    ) -> None:
        self.slot: Final = slot
        self.boot_id: Final = boot_id
        self._owner = owner
        self.began_at: Final = record.session_revision
        self._record = record
        self._welcome = welcome
        self._contested_at: datetime | None = None
        self._unanswered = 0
        self._again: list[Taken] = []
        self._rounds = 0
        self._acked = welcome.resume_after
        self._acks_due = False
        self._rejected: list[tuple[int, str]] = []
        self._resend: dict[str, None] = {}
        if welcome.intervals.stay and record.grounds.known and NETWORK not in record.snapshots:
            # Never stored, and where the site is may have changed. A visit says it whole by itself.
            self._resend[NETWORK] = None
        self._seen_at = self._told_seen_at = welcome.server_time
        self._skew: float | None = None
        self._questions = QuestionsOfSession(slot.key, owner.parts.asking)
        self._questions.told(welcome.asks)
        self._ending: Order | None = None
        self._finished = False
        self._closed = False
        self._wake = asyncio.Event()

    @property
    def welcome(self) -> Welcome:
        return self._welcome

    async def take(self, report: Report) -> None:
        parts = self._owner.parts
        taken = Taken(report, parts.now())
        if not 0 < report.seq <= MAX_SEQ:
            raise MalformedRequest("report: seq is out of range")
        if self._contested_at is not None:
            await self._prove_alone(self._contested_at, taken.at)
        async with self.slot.lock:
            if self._ending is not None:
                return
            if self._again or (self._record.stale and self._unanswered):
                self._again.append(taken)  # behind those that were made on a record that is past
            elif not self._record.stale or await self._is_current():
                await self._accept(taken)
            else:
                self._resume()
        await parts.commits.room()

    async def _accept(self, taken: Taken) -> None:
        """Takes a report on the record, which is current; the caller holds the slot's lock."""
        parts, record, report = self._owner.parts, self._record, taken.report
        if report.seq <= record.last_seq:
            self._repeated(report.seq)
            return
        try:
            accepted = await parts.accept(record, report, received_at=taken.at)
        except BaseException:
            record.stale = True  # it may be half-way
            raise
        self._unanswered += 1
        parts.commits.submit(accepted.change, record, partial(self._answered, taken, accepted))

    async def _accept_again(self) -> None:
        """Takes the reports again that were made on a record which others moved meanwhile."""
        async with self.slot.lock:
            waiting, self._again = sorted(self._again, key=lambda taken: taken.report.seq), []
            self._rounds += 1
            over = self._ending is not None or self._rounds > TAKEN_AGAIN
            if over or not await self._is_current():
                self._resume()
                return
            for taken in waiting:
                if self._record.stale and self._unanswered:
                    self._again.append(taken)
                else:
                    await self._accept(taken)

    def _resume(self) -> None:
        self._again.clear()
        self.end(Goodbye(self._owner.soon(), "resume from what is committed"))

    @property
    def platform(self) -> str:
        return self._record.device.platform

    def ask(self, order: Ask) -> None:
        """Puts a question to the device, once."""
        if self._questions.add(order):
            self._wake.set()

    async def answer(self, piece: AnswerPiece) -> None:
        await self._questions.take(piece)

    def beat(self, heartbeat: Heartbeat) -> None:
        parts = self._owner.parts
        now = parts.now()
        parts.figures.heartbeat_received()
        self._skew = clock_skew(sent_at=heartbeat.sent_at, received_at=now)
        self._seen_at = now
        if now - self._told_seen_at >= self._owner.terms.seen_every:
            self._tell_seen()
        if self._contested_at is not None and now - self._contested_at > STRAGGLING:
            self.end(Goodbye(SOON, "another session of this device knocked"))

    async def orders(self) -> AsyncIterator[Order]:
        while True:
            if self._again and not self._unanswered:
                await self._accept_again()
            while (order := self._next_order()) is not None:
                yield order
            if self._ending is not None and self._settled():
                yield self._ending
                return
            if self._closed or (self._finished and self._settled()):
                return
            self._wake.clear()
            await self._woken()

    def contested(self, at: datetime) -> None:
        """Another boot id knocked: the next message from this one proves that both are alive."""
        if self._contested_at is None:
            self._contested_at = at

    def end(self, order: Order) -> None:
        """Ends the session with this order, once what was sent is answered."""
        if self._ending is None:
            self._ending = order
        self._wake.set()

    def finish(self) -> None:
        self._finished = True
        self._wake.set()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._seen_at > self._told_seen_at:
                self._tell_seen()
            self._wake.set()
            self._questions.close()
            self._owner.left(self)

    async def _woken(self) -> None:
        """Returns when there may be an order; a visit that says nothing for long is ended."""
        if self._welcome.intervals.stay:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(self._owner.terms.visit_within.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            self.end(Goodbye(self._welcome.intervals.visit, "nothing was said for long"))

    def _tell_seen(self) -> None:
        """Has the last sign of life written with a later group."""
        self._told_seen_at = self._seen_at
        self._owner.parts.commits.saw(self.slot.key, self._seen_at, self._skew)

    async def _is_current(self) -> bool:
        """Whether the record is the store's; one that others moved is read again if it can be.

        A sweep in another process or a declaration moves a record without ending the session. The
        caller holds the slot's lock, and no report waits for its commit if the record is stale.
        """
        if not self._record.stale:
            return True
        fresh = await self._owner.parts.records.loaded(self.slot)
        if (
            fresh.session_revision != self.began_at
            or fresh.disabled
            or fresh.device.state is DeviceState.QUARANTINED
        ):
            return False
        self._record = fresh
        return True

    async def _prove_alone(self, contested_at: datetime, now: datetime) -> None:
        """Raises DeviceCloned when this message proves that a second machine is alive."""
        if now - contested_at <= STRAGGLING:
            return
        await self._owner.quarantine(self._record, "two machines speak with this identity")
        raise DeviceCloned("two machines speak with this identity")

    def _repeated(self, seq: int) -> None:
        """A report that was taken before: acknowledged once committed, never counted twice."""
        self._owner.parts.figures.report_repeated()
        if seq <= self._record.committed_seq:
            self._acked = max(self._acked, self._record.committed_seq)
            self._acks_due = True
            self._wake.set()

    def _answered(self, taken: Taken, accepted: Accepted, end: End) -> None:
        parts, record, change = self._owner.parts, self._record, accepted.change
        self._unanswered -= 1
        if end is End.COMMITTED:
            self._rounds = 0
            record.committed_seq = self._acked = change.last_seq
            self._acks_due = True
            parts.accept.forget_bulky(record, committed_revision=change.revision)
            parts.viewing.committed(change)
            if accepted.rejection is not None:
                self._rejected.append((change.last_seq, accepted.rejection))
            for topic in accepted.resend:
                self._resend[topic] = None
        elif end is End.OUTDATED and self._ending is None:
            self._again.append(taken)
        else:
            if end is End.FAILED:
                parts.viewing.changed(change.key)
            self._resume()
        self._wake.set()

    def _settled(self) -> bool:
        waiting = self._unanswered or self._again
        return not waiting and not self._acks_due and not self._resend

    def _next_order(self) -> Order | None:
        if self._acks_due:
            rejected, self._rejected = tuple(self._rejected), []
            self._acks_due = False
            return Ack(self._acked, rejected)
        if self._resend:
            topics, self._resend = tuple(self._resend), {}
            self._owner.parts.figures.resend_asked()
            return Resend(topics)
        return self._questions.next()
