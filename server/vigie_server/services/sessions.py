"""Sessions of devices: who may speak, what becomes of what they send, how a session ends.

A session only ever acknowledges what is committed. It ends, and the device comes back and resumes,
whenever its record is not the store's any more: a newer session, an administrator's act, a commit
that failed. One device, one session: the same boot id replaces it, another one must prove that the
first is dead by waiting. Where the first is in another process, the newer one begins and the store
ends the first: a machine that then comes back with its older boot id proves that there are two.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from vigie_server.domain.admission import Returns, until_next_visit, window
from vigie_server.domain.cloning import remembered, returns_to_an_older_boot
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import MalformedRequest, StoreBusy, UnknownDevice
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.observing import clock_skew
from vigie_server.domain.orders import Disable, Goodbye, Intervals, Order, Welcome
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.reports import Hello, hello_refusal
from vigie_server.ports.sessions import Peer, SessionStart
from vigie_server.services.device_records import Slot, begin, settled
from vigie_server.services.gathered import Gathered
from vigie_server.services.live_session import SOON, Session, SessionParts, SessionTerms

log = structlog.get_logger()

AFTER_A_RIVAL: Final = timedelta(seconds=60)
ADMISSIONS: Final = 5
"""How often a device is looked at again because it was changed while it was let in."""


class OpenSessions:
    """Opens sessions and knows those that are open: the `Sessions` of the ingest port."""

    def __init__(
        self, parts: SessionParts, terms: SessionTerms, *, store_epoch: bytes, gather: timedelta
    ) -> None:
        self.parts: Final = parts
        self.terms: Final = terms
        self._store_epoch = store_epoch
        self._live: dict[int, Session] = {}
        self._held: dict[int, Session] = {}
        self._returns = Returns(terms.per_second, terms.visit)
        workers, store, apart = parts.workers, parts.store, gather.total_seconds()
        self._found = Gathered(workers.read, store.greeted, apart=apart)
        self._begun = Gathered(workers.write, store.start_sessions, apart=apart)
        self._closing = False

    async def open(self, peer: Peer, hello: Hello) -> "Session | Order":
        if (problem := hello_refusal(hello)) is not None:
            raise MalformedRequest(problem)
        if self._closing or len(self._live) >= self.terms.held + self.terms.visitors:
            return Goodbye(self.later(), "the server is stopping or full")
        found = await self._greeted(peer)
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

    def later(self) -> timedelta:
        """When a device comes back that cannot be served now; each at a moment of its own."""
        return self._returns.wait(self.parts.now(), shortest=self.terms.overload_retry)

    def soon(self) -> timedelta:
        """When a device comes back that can be served at once; each at a moment of its own."""
        return self._returns.wait(self.parts.now(), shortest=SOON)

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
            found = await self._greeted(peer)
        raise StoreBusy("this device is changed too often to be let in")

    async def _greeted(self, peer: Peer) -> DeviceRecord:
        """The record of a device that greets. Raises UnknownDevice."""
        found = await self._found(peer)
        if found is None:
            raise UnknownDevice("this certificate is not in force")
        return found

    async def _admitted(self, record: DeviceRecord, hello: Hello) -> Order | None:
        """What to answer instead of a welcome; None when the device may speak."""
        if record.disabled:
            return Disable(record.disabled)
        if record.device.state is DeviceState.QUARANTINED:
            return Goodbye(self.terms.quarantined_retry, "this device is in quarantine")
        if returns_to_an_older_boot(record.boot_ids, hello.boot_id):
            await self.quarantine(record, "two machines hold this identity")
            return Goodbye(self.terms.quarantined_retry, "two machines hold this identity")
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
            revision = await self._begun(start)
            if revision is None:
                return None
            if revision == found.revision + 1:  # nothing came between: it is known what is stored
                record = record if stands else found
                begin(record, start, revision)
            else:
                record = await self._greeted(peer)
            slot.record = record
        welcome = Welcome(
            store_epoch=self._store_epoch,
            resume_after=record.committed_seq,
            limits=self.terms.limits,
            intervals=self._intervals(slot.key, record.device.id, now),
            server_time=now,
            asks=await self.parts.asking.greeted(slot.key, record.device.platform),
        )
        session = Session(self, slot, record, hello.boot_id, welcome)
        self._live[slot.key] = session
        if welcome.intervals.stay:
            self._held[slot.key] = session
        self.parts.figures.session_opened()
        return session

    def _intervals(self, key: int, device_id: str, now: datetime) -> Intervals:
        """Who comes first stays while there is a place; a device that comes again keeps its own.

        Those who stay lose a server together with all that it will hold by then: the first to come
        is told of them too.
        """
        stay = key in self._held or len(self._held) < self.terms.held
        expected = min(self.parts.viewing.known, self.terms.held) if stay else 0
        return Intervals(
            heartbeat=self.terms.heartbeat,
            stay=stay,
            visit=until_next_visit(device_id, now, self.terms.visit),
            reconnect=window(max(len(self._live), expected), self.terms.per_second),
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
            live.end(Goodbye(self.terms.quarantined_retry, reason))

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
                why = "this session is over: another one began, or an act ended it"
                live.end(Goodbye(self.soon(), why))

    def held(self, key: int) -> "Session | None":
        """The open session of a device that stays connected."""
        return self._held.get(key)

    def left(self, session: "Session") -> None:
        """Called once by each session as it closes."""
        if self._live.get(session.slot.key) is session:
            del self._live[session.slot.key]
        if self._held.get(session.slot.key) is session:
            del self._held[session.slot.key]
        self.parts.records.release(session.slot, for_long=not session.welcome.intervals.stay)
        self.parts.figures.session_closed()

    def say_goodbye(self) -> None:
        """Takes no more sessions, and ends those that are open once what they sent is answered.

        Each is told a moment of its own in the time that all of them need to come back.
        """
        self._closing = True
        self._end_all("the server is stopping")

    def _end_all(self, reason: str) -> None:
        for session in list(self._live.values()):
            session.end(Goodbye(self.soon(), reason))


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
