"""A spool that lives as long as its process: for trying Vigie, and the model of the durable one."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.domain.snapshot import Report, Snapshot
from vigie_agent.domain.spooling import SPOOL_ID_BYTES, TRANSITIONS, Entry, Event, State
from vigie_agent.spool.packing import ENTRY_BYTES, packed


@dataclass(slots=True)
class _Held:
    entry: Entry
    state: State = State.PENDING

    def meet(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]


class MemorySpool:
    """See `vigie_agent.ports.Spool`. `max_bytes` counts each distinct content once."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._start_over()

    def _start_over(self) -> None:
        self._spool_id = os.urandom(SPOOL_ID_BYTES)
        self._highest_seq = 0
        self._dropped = 0
        self._store_epoch = b""
        self._sent_upto = 0
        self._held: list[_Held] = []
        self._newest: dict[str, Entry] = {}
        self._committed: dict[str, bytes] = {}
        self._sizes: dict[bytes, int] = {}

    @property
    def spool_id(self) -> bytes:
        return self._spool_id

    @property
    def highest_seq(self) -> int:
        return self._highest_seq

    @property
    def dropped(self) -> int:
        return self._dropped

    @property
    def store_epoch(self) -> bytes:
        return self._store_epoch

    def append(self, report: Report) -> int:
        before = (self._highest_seq, self._dropped, list(self._held), dict(self._newest))
        for snapshot in report.snapshots:
            self._add(replace(report, snapshots=(snapshot,)), full=False)
        if not self._made_room():
            self._highest_seq, self._dropped, self._held, self._newest = before
            raise SpoolUnusable(f"the spool's {self._max_bytes} bytes are too few")
        return self._highest_seq

    def _add(self, report: Report, *, full: bool) -> None:
        self._highest_seq += 1
        entry = Entry(self._highest_seq, report, full)
        self._held.append(_Held(entry))
        self._newest[entry.snapshot.topic] = entry
        if entry.snapshot.digest not in self._sizes:
            self._sizes[entry.snapshot.digest] = len(packed(entry.snapshot))

    def _made_room(self) -> bool:
        while self._used() > self._max_bytes:
            victim = next(filter(self._may_go, self._held), None)
            if victim is None:
                return False
            victim.meet(Event.NO_ROOM)
            self._held.remove(victim)
            self._dropped += 1
        return True

    def _may_go(self, held: _Held) -> bool:
        newest = self._newest[held.entry.snapshot.topic]
        return held.state is State.PENDING and held.entry.seq < newest.seq

    def _used(self) -> int:
        kept = [*(held.entry for held in self._held), *self._newest.values()]
        contents = {entry.snapshot.digest for entry in kept}
        self._sizes = {digest: self._sizes[digest] for digest in contents}
        return sum(self._sizes.values()) + ENTRY_BYTES * len(kept)

    def claim(self, *, limit: int) -> Sequence[Entry]:
        claimed = [held for held in self._held if held.state is State.PENDING][:limit]
        for held in claimed:
            held.meet(Event.SENT)
            self._sent_upto = max(self._sent_upto, held.entry.seq)
        return [held.entry for held in claimed]

    def amend(self, seq: int, snapshot: Snapshot) -> None:
        for held in self._held:
            if held.entry.seq == seq:
                self._sizes[snapshot.digest] = len(packed(snapshot))
                report = replace(held.entry.report, snapshots=(snapshot,))
                held.entry = replace(held.entry, report=report)
                if self._newest[snapshot.topic].seq == seq:
                    self._newest[snapshot.topic] = held.entry

    def acknowledge(self, seq: int, *, rejected: Collection[int] = ()) -> None:
        self._settle(
            [h for h in self._held if h.entry.seq <= seq and h.state is State.IN_FLIGHT], rejected
        )

    def _settle(self, settled: Sequence[_Held], rejected: Collection[int] = ()) -> None:
        for held in settled:
            if held.entry.seq in rejected:
                held.meet(Event.REJECTED)
            else:
                held.meet(Event.COMMITTED)
                self._committed[held.entry.snapshot.topic] = held.entry.snapshot.digest
            self._held.remove(held)

    def link_lost(self) -> None:
        for held in self._held:
            if held.state is State.IN_FLIGHT:
                held.meet(Event.LINK_LOST)

    def resume(self, after: int) -> bool:
        self.link_lost()
        known = min(after, self._sent_upto)
        self._settle([held for held in self._held if held.entry.seq <= known])
        if after <= self._sent_upto:
            return True
        self._spool_id = os.urandom(SPOOL_ID_BYTES)
        self._committed.clear()
        return False

    def enter_epoch(self, epoch: bytes) -> bool:
        if epoch == self._store_epoch:
            return False
        self._store_epoch = epoch
        self.requeue()
        return True

    def requeue(self, topics: Collection[str] = ()) -> int:
        queued = 0
        pending = {h.entry.seq for h in self._held if h.state is State.PENDING or h.entry.full}
        for topic, newest in list(self._newest.items()):
            if topics and topic not in topics:
                continue
            self._committed.pop(topic, None)
            if newest.seq not in pending:
                self._add(newest.report, full=True)
                queued += 1
        self._made_room()  # what was queued shares its content: it adds next to nothing
        return queued

    def committed_digest(self, topic: str) -> bytes | None:
        return self._committed.get(topic)

    def newest(self, topic: str) -> Snapshot | None:
        entry = self._newest.get(topic)
        return None if entry is None else entry.snapshot

    def pending(self) -> int:
        return len(self._held)

    def erase(self) -> None:
        self._start_over()

    def close(self) -> None:
        """Nothing is open."""
