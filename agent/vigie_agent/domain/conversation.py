"""What one session has sent, and so what the server will hold once it has read it all.

A digest alone may stand for a snapshot only if it equals what the server holds of the topic at the
moment it reads it: the last one sent before in this session, or else the last one committed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vigie_agent.domain.spooling import Entry


@dataclass(slots=True)
class Conversation:
    """The state of one session, from Welcome on."""

    max_in_flight: int
    _in_flight: dict[int, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    _sent: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)

    @property
    def in_flight(self) -> int:
        """Reports sent and not yet acknowledged."""
        return len(self._in_flight)

    @property
    def has_room(self) -> bool:
        """Whether one more may be sent."""
        return self.in_flight < self.max_in_flight

    def is_unchanged(self, entry: Entry, committed: bytes | None) -> bool:
        """Whether the digest alone is enough, `committed` being the topic's in the spool."""
        if entry.full:
            return False
        _, held = self._sent.get(entry.snapshot.topic, (0, committed))
        return held == entry.snapshot.digest

    def sent(self, *entries: Entry) -> None:
        """Notes that these are on the wire, in one report."""
        seq = entries[-1].seq
        self._in_flight[seq] = tuple((entry.seq, entry.snapshot.topic) for entry in entries)
        for entry in entries:
            self._sent[entry.snapshot.topic] = (seq, entry.snapshot.digest)

    def within(self, seq: int) -> Sequence[tuple[int, str]]:
        """Number and topic of each entry in a report that is in flight."""
        return self._in_flight.get(seq, ())

    def acknowledged(self, seq: int, rejected: Collection[int]) -> None:
        """All up to `seq` is settled. After a rejection what the server holds is not known."""
        for settled in [number for number in self._in_flight if number <= seq]:
            for _, topic in self._in_flight.pop(settled):
                if settled in rejected and self._sent[topic][0] == settled:
                    self._sent[topic] = (settled, None)

    def resend(self, topics: Collection[str]) -> None:
        """The server does not hold what it was thought to hold of these topics, or of all."""
        for topic in topics or list(self._sent):
            self._sent[topic] = (0, None)
