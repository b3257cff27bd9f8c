"""The records of the devices that speak or spoke lately: loaded once, used by one at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from vigie.v1.digest import canonical_fields
from vigie_server.domain.facts import Fact
from vigie_server.domain.records import DeviceRecord, HeldSnapshot
from vigie_server.domain.reports import STATUSES
from vigie_server.domain.topics import Topic
from vigie_server.domain.unread import UnreadVerdicts
from vigie_server.ports.judging import Content, Judging
from vigie_server.ports.sessions import Place, RecordStore, SessionStart
from vigie_server.services.waiting import Turn
from vigie_server.services.workers import Workers

_FIXED_FIELDS = 5


@dataclass(slots=True, eq=False)
class Slot:
    """One device's place: hold `lock` to read or move its record."""

    key: int
    record: DeviceRecord | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing made on its record is on its way to the store."""
        return self.record is None or not self.record.on_their_way


def settled(slot: Slot, found: DeviceRecord) -> bool:
    """Whether the slot's record stands as the store has it; the caller holds the slot's lock.

    `found` was just read: it takes the place of a record that is missing, stale or behind. Changes
    that are on their way to the store may yet be refused, though the revisions are the same:
    somebody else may have moved the device to it.
    """
    at_hand = slot.record
    if at_hand is None or at_hand.stale or at_hand.revision < found.revision:
        if at_hand is not None:
            at_hand.stale = True
        slot.record = at_hand = found
    if at_hand.revision > found.revision or at_hand.on_their_way:
        return False
    at_hand.committed_seq = found.committed_seq
    return True


def begin(record: DeviceRecord, start: SessionStart, revision: int) -> None:
    """Makes the record what the store holds of the device once the session has been started."""
    if record.spool_id != start.spool_id:
        record.last_seq = record.committed_seq = 0
    record.spool_id, record.boot_ids = start.spool_id, start.boot_ids
    record.engine, record.dropped_reports = start.engine, start.dropped_reports
    record.revision = record.session_revision = revision
    record.last_seen_at = start.at
    skew = record.device.clock_skew_seconds if start.skew is None else start.skew
    record.device = replace(
        record.device, agent_version=start.agent_version, clock_skew_seconds=skew
    )
    record.stale = False


class DeviceRecords:
    """A bounded cache: records in use stay, of the others the latest used ones.

    `capacity` is in devices. Those of devices that leave for long push nothing out: of a fleet that
    is larger, none would be there still when its device comes back, and what lives for a while
    costs more than what is dropped at once, as Python's garbage collector goes through it.
    """

    def __init__(
        self, store: RecordStore, workers: Workers, judging: Judging, *, capacity: int
    ) -> None:
        self._store = store
        self._workers = workers
        self._judging = judging
        self._capacity = capacity
        self._slots: dict[int, Slot] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()
        """Slots that nobody uses, the latest used last."""

    def held(self, key: int) -> DeviceRecord | None:
        """The record if it is at hand and not stale."""
        slot = self._slots.get(key)
        if slot is None or slot.record is None or slot.record.stale:
            return None
        return slot.record

    def outdate(self, key: int, revision: int) -> None:
        """Has the record read again before it is used, if the store has come to this revision.

        A record that runs ahead of the store stays: its next commit tells.
        """
        slot = self._slots.get(key)
        if slot is not None and slot.record is not None and slot.record.revision < revision:
            slot.record.stale = True

    def outdate_all(self) -> None:
        """Has every record read again before it is used."""
        for slot in self._slots.values():
            if slot.record is not None:
                slot.record.stale = True

    def acquire(self, key: int) -> Slot:
        """The device's slot; give it back with `release`."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(key)
        self._idle.pop(key, None)
        slot.users += 1
        return slot

    def release(self, slot: Slot, *, for_long: bool = False) -> None:
        """Gives a slot back. `for_long`: its device will not be heard for a while."""
        slot.users -= 1
        if slot.users == 0:
            if for_long and len(self._slots) > self._capacity and slot.is_settled:
                del self._slots[slot.key]
                return
            self._idle[slot.key] = None
        while len(self._slots) > self._capacity and self._idle:
            del self._slots[self._idle.popitem(last=False)[0]]

    @asynccontextmanager
    async def using(self, key: int) -> AsyncIterator[DeviceRecord]:
        """The device's record, alone, loaded when it is not at hand. Raises UnknownDevice."""
        slot = self.acquire(key)
        try:
            async with slot.lock:
                yield await self.loaded(slot)
        finally:
            self.release(slot)

    async def loaded(self, slot: Slot) -> DeviceRecord:
        """The slot's record, loaded when it is missing or stale; the caller holds the lock."""
        if slot.record is None or slot.record.stale:
            slot.record = await self._workers.read(partial(self._store.record, slot.key))
        return slot.record

    async def look_around(self, record: DeviceRecord) -> None:
        """Reads again what was declared around the device. Raises UnknownDevice."""
        record.around = await self._workers.read(partial(self._store.around, record.key))
        record.device = record.around.around(record.device)

    @asynccontextmanager
    async def together(
        self, keys: Collection[int], *, topics: Collection[str] | None, glimpses: bool
    ) -> AsyncIterator[None]:
        """Has the devices' records and facts at hand, read at once; lets go of what it brought.

        With `topics`, the facts of these alone: others are read when they are asked for. With
        `glimpses`, of verdicts whether they stand: for where nearly all do. Without topics that is
        asked of all the verdicts of a device at once.
        For going through a fleet: what was at hand before stays, and nothing else is pushed out.
        """
        missing = [key for key in keys if self.held(key) is None]
        glance = glimpses and topics is None
        read = partial(self._store.many, missing, glimpses=glimpses, glance=glance)
        records = await self._workers.read(read)
        if topics is None:
            topics = self._judging.topics_beside(None)
        await self._put_facts(records, topics)
        brought: list[int] = []
        for record in records:
            slot = self._slots.setdefault(record.key, Slot(record.key))
            if slot.users or (slot.record is not None and not slot.record.stale):
                continue  # a session was faster
            slot.record = record
            brought.append(record.key)
        try:
            yield
        finally:
            for key in brought:
                if (found := self._slots.get(key)) is not None and found.users == 0:
                    del self._slots[key]
                    self._idle.pop(key, None)

    async def load_verdicts(self, record: DeviceRecord) -> None:
        """Has every verdict of the record at hand in full."""
        if isinstance(record.verdicts, UnreadVerdicts) and not record.verdicts.in_full:
            await self._workers.read(partial(self._store.read_verdicts, record))

    async def _put_facts(self, records: Sequence[DeviceRecord], topics: Collection[str]) -> None:
        """Puts the facts of these topics into the records: nearly all are remembered.

        Of the others each content is read once: contents are most of what a device has in the
        store.
        """
        turn = Turn()
        lacking: dict[bytes, tuple[Place, datetime]] = {}
        for record in records:
            await turn.is_over()
            lacking |= self._put_known_facts(record, topics)
        if not lacking:
            return
        places = [place for place, _ in lacking.values()]
        forms = await self._workers.read(partial(self._store.forms_at, places))
        facts: dict[bytes, Fact | None] = {}
        for digest, (place, observed_at) in lacking.items():
            if place in forms:
                await turn.is_over()
                facts[digest] = self._stored_fact(place[2], digest, forms[place], observed_at)
        for record in records:
            await turn.is_over()
            for topic, held in record.snapshots.items():
                if held.fact is None and (fact := facts.get(held.digest)) is not None:
                    record.snapshots[topic] = _with(held, fact.at(held.observed_at))

    def _put_known_facts(
        self, record: DeviceRecord, topics: Collection[str]
    ) -> Mapping[bytes, tuple[Place, datetime]]:
        """Those that are remembered; gives by its digest where each of the others is, and when."""
        snapshots, known_fact = record.snapshots, self._judging.known_fact
        lacking = {}
        for topic, held in snapshots.items():
            if topic in topics:
                digest, observed_at = held.digest, held.observed_at
                fact = known_fact(digest, observed_at)
                if fact is None:
                    lacking[digest] = (record.key, held.revision, topic), observed_at
                else:
                    snapshots[topic] = HeldSnapshot(digest, observed_at, held.revision, fact)
        return lacking

    async def load_facts(self, record: DeviceRecord, topics: Collection[str]) -> None:
        """Puts the facts of these topics into the record: remembered, or read from the store."""
        revisions = {}
        for topic in topics:
            held = record.snapshots[topic]
            fact = self._judging.known_fact(held.digest, held.observed_at)
            if fact is None:
                revisions[topic] = held.revision
            else:
                record.snapshots[topic] = _with(held, fact)
        if not revisions:
            return
        forms = await self._workers.read(partial(self._store.contents, record.key, revisions))
        for topic, form in forms.items():
            held = record.snapshots[topic]
            fact = self._stored_fact(topic, held.digest, form, held.observed_at)
            record.snapshots[topic] = _with(held, fact)

    def _stored_fact(
        self, topic: str, digest: bytes, form: bytes, observed_at: datetime
    ) -> Fact | None:
        return self._judging.stored_fact(topic, digest, lambda: content_of(form), observed_at)


def _with(held: HeldSnapshot, fact: Fact | None) -> HeldSnapshot:
    return HeldSnapshot(held.digest, held.observed_at, held.revision, fact)


def content_of(form: bytes) -> Content:
    """The content of a canonical form. Raises ValueError on anything else."""
    fields = canonical_fields(form)
    topic, version, status, message, width = fields[:_FIXED_FIELDS]
    split = _FIXED_FIELDS + int(width)
    return Content(
        topic=topic,
        topic_version=int(version),
        status=int(status),
        message=message,
        columns=fields[_FIXED_FIELDS:split],
        values=fields[split:],
    )


def fact_of(topic: Topic, content: Content, observed_at: datetime) -> Fact:
    """What a content says by the declaration of its topic."""
    return topic.convert(
        topic_version=content.topic_version,
        status=STATUSES[content.status],
        message=content.message,
        columns=content.columns,
        values=content.values,
        observed_at=observed_at,
    )
