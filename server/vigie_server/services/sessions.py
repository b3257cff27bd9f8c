"""Sessions of devices: who may speak, what becomes of what they send, how a session ends.

A session only ever acknowledges what is committed. It ends, and the device comes back and resumes,
whenever its record is not the store's any more: a newer session, an administrator's act, a commit
that failed. One device, one session: the same boot id replaces it, another one must prove that the
first is dead by waiting. Where the first is in another process, the newer one begins and the store
ends the first: a machine that then comes back with its older boot id proves that there are two.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from vigie_server.domain.admission import TurnedAway, until_next_visit, window
from vigie_server.domain.cloning import STRAGGLING, remembered, returns_to_an_older_boot
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeviceCloned, MalformedRequest, StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.observing import clock_skew
from vigie_server.domain.orders import Ack, Disable, Goodbye, Intervals, Order, Resend, Welcome
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.reports import MAX_SEQ, Heartbeat, Hello, Limits, Report, hello_refusal
from vigie_server.domain.whereabouts import NETWORK
from vigie_server.ports.figures import Figures
from vigie_server.ports.sessions import Peer, RecordStore, SessionStart
from vigie_server.services.accept_report import Accepted, AcceptReport
from vigie_server.services.device_records import DeviceRecords, Slot, settled
from vigie_server.services.gathered import GatheredWrites
from vigie_server.services.group_commit import GroupCommit
from vigie_server.services.views import Viewing
from vigie_server.services.workers import Workers

log = structlog.get_logger()

SOON: Final = timedelta(seconds=2)
AFTER_A_RIVAL: Final = timedelta(seconds=60)
WHILE_QUARANTINED: Final = timedelta(hours=1)
ADMISSIONS: Final = 5
"""How often a device is looked at again because it was changed while it was let in."""


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
    share: Callable[[], float] = random.random


class OpenSessions:
    """Opens sessions and knows those that are open: the `Sessions` of the ingest port."""

    def __init__(self, parts: SessionParts, terms: SessionTerms, *, store_epoch: bytes) -> None:
        self.parts: Final = parts
        self.terms: Final = terms
        self._store_epoch = store_epoch
        self._live: dict[int, Session] = {}
        self._held: dict[int, Session] = {}
        self._turned_away = TurnedAway(terms.per_second, terms.overload_retry, terms.visit)
        self._starting = GatheredWrites(parts.workers, parts.store.start_sessions)
        self._closing = False

    async def open(self, peer: Peer, hello: Hello) -> "Session | Order":
        if (problem := hello_refusal(hello)) is not None:
            raise MalformedRequest(problem)
        if self._closing or len(self._live) >= self.terms.held + self.terms.visitors:
            wait = self._turned_away.retry_after(self.parts.now(), share=self.parts.share())
            return Goodbye(wait, "the server is stopping or full")
        found = await self.parts.workers.read(partial(self.parts.store.greeted, peer))
        slot = self.parts.records.acquire(found.key)
        try:
            async with slot.lock:
                opened = await self._opened(slot, peer, found, hello)
        except BaseException:
            self.parts.records.release(slot)
            raise
        if not isinstance(opened, Session):
            self.parts.records.release(slot)
        return opened

    async def _opened(
        self, slot: Slot, peer: Peer, found: DeviceRecord, hello: Hello
    ) -> "Session | Order":
        for _ in range(ADMISSIONS):
            refused = await self._admitted(found, hello)
            if refused is not None:
                return refused
            session = await self._started(slot, peer, found, hello)
            if session is not None:
                return session
            found = await self.parts.workers.read(partial(self.parts.store.greeted, peer))
        raise StoreBusy("this device is changed too often to be let in")

    async def _admitted(self, record: DeviceRecord, hello: Hello) -> Order | None:
        """What to answer instead of a welcome; None when the device may speak."""
        if record.disabled:
            return Disable(record.disabled)
        if record.device.state is DeviceState.QUARANTINED:
            return Goodbye(WHILE_QUARANTINED, "this device is in quarantine")
        if returns_to_an_older_boot(record.boot_ids, hello.boot_id):
            await self.quarantine(record, "two machines hold this identity")
            return Goodbye(WHILE_QUARANTINED, "two machines hold this identity")
        rival = self._live.get(record.key)
        if rival is not None and rival.boot_id != hello.boot_id:
            rival.contested(self.parts.now())
            return Goodbye(AFTER_A_RIVAL, "another session of this device is open")
        if rival is not None:
            rival.end(Goodbye(SOON, "replaced by a newer session of this device"))
        return None

    async def _started(
        self, slot: Slot, peer: Peer, found: DeviceRecord, hello: Hello
    ) -> "Session | None":
        """The session; None when the device was changed since it was found."""
        now = self.parts.now()
        start = SessionStart(
            key=slot.key,
            spool_id=hello.spool_id,
            boot_ids_before=found.boot_ids,
            boot_ids=remembered(found.boot_ids, hello.boot_id),
            agent_version=hello.agent_version,
            engine=hello.engine,
            dropped_reports=hello.dropped_reports,
            at=now,
            skew=clock_skew(sent_at=hello.sent_at, received_at=now),
        )
        stands = settled(slot, found)
        record = slot.record
        assert record is not None  # noqa: S101 (settled)
        if stands and not self.parts.store.is_shared and not _changes(found, start):
            self.parts.commits.saw(slot.key, now, start.skew)
        else:
            # What an older session still has in the queue is late from here on: it will be sent
            # again.
            record.stale = True
            if await self._starting(start) is None:
                return None
            slot.record = record = await self.parts.workers.read(
                partial(self.parts.store.greeted, peer)
            )
        welcome = Welcome(
            store_epoch=self._store_epoch,
            resume_after=record.committed_seq,
            limits=self.terms.limits,
            intervals=self._intervals(slot.key, record.device.id, now),
            server_time=now,
        )
        session = Session(self, slot, record, hello.boot_id, welcome)
        self._live[slot.key] = session
        if welcome.intervals.stay:
            self._held[slot.key] = session
        self.parts.figures.session_opened()
        return session

    def _intervals(self, key: int, device_id: str, now: datetime) -> Intervals:
        """Who comes first stays while there is a place; a device that comes again keeps its own."""
        return Intervals(
            heartbeat=self.terms.heartbeat,
            stay=key in self._held or len(self._held) < self.terms.held,
            visit=until_next_visit(device_id, now, self.terms.visit),
            reconnect=window(len(self._live), self.terms.per_second),
        )

    async def quarantine(self, record: DeviceRecord, reason: str) -> None:
        """Sets the device aside for a person to settle; its open session ends."""
        log.warning("device_quarantined", device=record.device.id, reason=reason)
        record.stale = True
        if (at_hand := self.parts.records.held(record.key)) is not None:
            at_hand.stale = True
        await self.parts.workers.write(
            partial(self.parts.store.quarantine, record.key, reason=reason, at=self.parts.now())
        )
        self.parts.viewing.changed(record.key)
        live = self._live.get(record.key)
        if live is not None:
            live.end(Goodbye(WHILE_QUARANTINED, reason))

    def enter(self, store_epoch: bytes) -> None:
        """Has every device come back and send everything, if the store lost what it held."""
        if store_epoch == self._store_epoch:
            return
        self._store_epoch = store_epoch
        self.parts.records.outdate_all()
        self._end_all("the store was brought back from a backup")

    def heed(self, noticed: Noticed) -> None:
        """Has records read again that other processes moved; ends sessions that are over."""
        records = self.parts.records
        if noticed.all_moved or noticed.missed:
            records.outdate_all()
        for key, revision in (*noticed.moved.items(), *noticed.acted.items()):
            records.outdate(key, revision)
        for key, revision in noticed.ended.items():
            records.outdate(key, revision)
            live = self._live.get(key)
            if live is not None and live.began_at < revision:
                live.end(
                    Goodbye(SOON, "this session is over: another one began, or an act ended it")
                )

    def left(self, session: "Session") -> None:
        """Called once by each session as it closes."""
        if self._live.get(session.slot.key) is session:
            del self._live[session.slot.key]
        if self._held.get(session.slot.key) is session:
            del self._held[session.slot.key]
        self.parts.records.release(session.slot)
        self.parts.figures.session_closed()

    def say_goodbye(self) -> None:
        """Takes no more sessions, and ends those that are open once what they sent is answered.

        Each is told its own part of the time that all of them need to come back.
        """
        self._closing = True
        self._end_all("the server is stopping")

    def _end_all(self, reason: str) -> None:
        spread = window(len(self._live), self.terms.per_second)
        for session in list(self._live.values()):
            session.end(Goodbye(SOON + spread * self.parts.share(), reason))


def _changes(record: DeviceRecord, start: SessionStart) -> bool:
    """Whether the greeting says anything that the device's row does not."""
    return (
        record.spool_id,
        record.boot_ids,
        record.device.agent_version,
        record.engine,
        record.dropped_reports,
    ) != (
        start.spool_id,
        start.boot_ids,
        start.agent_version,
        start.engine,
        start.dropped_reports,
    )


class Session:
    """One device's open session."""

    def __init__(
        self,
        owner: OpenSessions,
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
        self._acked = welcome.resume_after
        self._acks_due = False
        self._rejected: list[tuple[int, str]] = []
        self._resend: dict[str, None] = {}
        if record.grounds.known and NETWORK not in record.snapshots:
            self._resend[NETWORK] = None  # never stored, and where the site is may have changed
        self._seen_at = self._told_seen_at = welcome.server_time
        self._skew: float | None = None
        self._ending: Order | None = None
        self._finished = False
        self._closed = False
        self._wake = asyncio.Event()

    @property
    def welcome(self) -> Welcome:
        return self._welcome

    async def take(self, report: Report) -> None:
        parts, record = self._owner.parts, self._record
        received_at = parts.now()
        if not 0 < report.seq <= MAX_SEQ:
            raise MalformedRequest("report: seq is out of range")
        if self._contested_at is not None:
            await self._prove_alone(self._contested_at, received_at)
        async with self.slot.lock:
            if self._ending is not None or not await self._is_current():
                self.end(Goodbye(SOON, "resume from what is committed"))
                return
            record = self._record
            if report.seq <= record.last_seq:
                self._repeated(report.seq)
                return
            try:
                accepted = await parts.accept(record, report, received_at=received_at)
            except BaseException:
                record.stale = True  # it may be half-way
                raise
            self._unanswered += 1
            parts.commits.submit(accepted.change, record, partial(self._answered, accepted))
        await parts.commits.room()

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
        caller holds the slot's lock.
        """
        if not self._record.stale:
            return True
        if self._unanswered:
            return False  # made on a record that is past: the device sends them again
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

    def _answered(self, accepted: Accepted, *, committed: bool) -> None:
        parts, record, change = self._owner.parts, self._record, accepted.change
        self._unanswered -= 1
        if committed:
            record.committed_seq = self._acked = change.last_seq
            self._acks_due = True
            parts.accept.forget_bulky(record, committed_revision=change.revision)
            parts.viewing.committed(change)
            if accepted.rejection is not None:
                self._rejected.append((change.last_seq, accepted.rejection))
            for topic in accepted.resend:
                self._resend[topic] = None
        else:
            self.end(Goodbye(SOON, "resume from what is committed"))
        self._wake.set()

    def _settled(self) -> bool:
        return self._unanswered == 0 and not self._acks_due and not self._resend

    def _next_order(self) -> Order | None:
        if self._acks_due:
            rejected, self._rejected = tuple(self._rejected), []
            self._acks_due = False
            return Ack(self._acked, rejected)
        if self._resend:
            topics, self._resend = tuple(self._resend), {}
            self._owner.parts.figures.resend_asked()
            return Resend(topics)
        return None
