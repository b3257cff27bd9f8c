"""What a simulated device has to deliver: entries by sequence number, until acknowledged.

As an agent's spool, in memory: an entry is one topic's answer, sent again after a lost session, and
gone once the server has acknowledged it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from vigie.v1 import snapshot_pb2

MOST_BYTES: Final = 256 * 1024
"""Of rows in a report of several, as an agent sends them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer on its way. `due`: the instant it was to be delivered at, by the loop's clock.

    None until the next visit says so: the server asked for it after the device had said goodbye.
    """

    seq: int
    snapshot: snapshot_pb2.Snapshot
    is_whole: bool
    due: float | None
    sent_as: int = 0
    """The number of the report it travelled in, with others before it; 0 before."""


class Spool:
    """The entries of one device, in order."""

    def __init__(self, last_seq: int) -> None:
        self.last_seq = last_seq
        self._entries: list[Entry] = []  # no deque: an empty one takes 600 bytes
        self._sent = 0

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, snapshot: snapshot_pb2.Snapshot, *, is_whole: bool, due: float | None) -> None:
        """A new answer to deliver."""
        self.last_seq += 1
        self._entries.append(Entry(self.last_seq, snapshot, is_whole, due))

    def resume(self, committed: int) -> list[Entry]:
        """Begins a session with what the server says it has; entries it turns out to have.

        A server that has more than was ever given a number here has seen a later life of this
        device: what waits is numbered anew, and sent whole.
        """
        if committed > self.last_seq:
            waiting, self._entries = self._entries, []
            self.last_seq = committed
            for entry in waiting:
                self.append(entry.snapshot, is_whole=True, due=entry.due)
            self._sent = 0
            return []
        self._sent = 0
        return self.acknowledge(committed)

    def to_send(self, in_flight: int, together: int = 1) -> list[list[Entry]]:
        """Reports to send now, of up to `together` entries of different topics.

        No more reports than `in_flight` wait for acknowledgement then.
        """
        reports: list[list[Entry]] = []
        waiting = len({entry.sent_as for entry in self._entries[: self._sent]})
        while waiting + len(reports) < in_flight and self._sent < len(self._entries):
            report = self._next_report(together)
            reports.append([replace(entry, sent_as=report[-1].seq) for entry in report])
            self._entries[self._sent : self._sent + len(report)] = reports[-1]
            self._sent += len(report)
        return reports

    def _next_report(self, together: int) -> list[Entry]:
        topics: set[str] = set()
        size = 0
        for count, entry in enumerate(self._entries[self._sent :]):
            size += entry.snapshot.ByteSize() if entry.is_whole else 0
            if count == together or entry.snapshot.topic in topics or (count and size > MOST_BYTES):
                break
            topics.add(entry.snapshot.topic)
        return self._entries[self._sent : self._sent + len(topics)]

    def set_due(self, due: float) -> None:
        """What waited for a visit is due at this one."""
        for index, entry in enumerate(self._entries):
            if entry.due is None:
                self._entries[index] = replace(entry, due=due)

    @property
    def is_due(self) -> bool:
        """Whether something was to be delivered by now."""
        return any(entry.due is not None for entry in self._entries)

    def acknowledge(self, seq: int) -> list[Entry]:
        """The entries that are delivered by this acknowledgement."""
        count = sum(entry.seq <= seq for entry in self._entries)
        delivered, self._entries = self._entries[:count], self._entries[count:]
        self._sent = max(0, self._sent - count)
        return delivered

    def again(self, snapshots: Sequence[snapshot_pb2.Snapshot], *, due: float | None) -> None:
        """The server wants these whole."""
        topics = {snapshot.topic for snapshot in snapshots}
        for index in range(self._sent, len(self._entries)):
            entry = self._entries[index]
            if entry.snapshot.topic in topics:
                self._entries[index] = replace(entry, is_whole=True)
        for snapshot in snapshots:
            self.append(snapshot, is_whole=True, due=due)
