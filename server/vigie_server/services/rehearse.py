"""What new rules would change: every device judged by them from its stored evidence, unwritten.

What stands in the store is compared with what would be written: of topics that are not stored there
is nothing to judge by, so the rules that read one are left out, and named.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from vigie_server.domain.facts import Fact
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.ports.sessions import RecordStore
from vigie_server.services.device_records import content_of
from vigie_server.services.rule_book import RuleBook

TOGETHER: Final = 50
NAMED: Final = 5
"""Devices that are named of each move."""

Move = tuple[str, Status | None, Status | None]
"""A rule, and its verdict before and after: None where there was none, or will be none."""


Forms = Mapping[str, bytes]
"""Canonical forms by topic."""


class AllDevices(Protocol):
    """The devices that are judged, page by page."""

    def judged_keys(self, *, after: int, limit: int) -> Sequence[int]:
        """The next keys."""
        ...


@dataclass(slots=True)
class Rehearsal:
    """What would change. `named` are some devices of each move, by the name that people know."""

    devices: int = 0
    verdicts: int = 0
    moves: Counter[Move] = field(default_factory=Counter)
    named: dict[Move, list[str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def moved(self, move: Move, name: str) -> None:
        """Counts one verdict that would be another."""
        self.moves[move] += 1
        named = self.named.setdefault(move, [])
        if len(named) < NAMED:
            named.append(name)


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Judges the fleet by a catalogue; changes nothing. Memory is that of one batch."""

    store: RecordStore
    devices: AllDevices
    catalogue: Catalogue
    now: Callable[[], datetime]

    def __call__(self, *, looked_at: Callable[[int], None] = lambda _: None) -> Rehearsal:
        """`looked_at` is told how many devices more have been judged."""
        unkept = {topic.name for topic in self.catalogue.topics.values() if not topic.retention}
        rules = {
            rule.id: rule for rule in self.catalogue.rules.values() if unkept.isdisjoint(rule.reads)
        }
        found = Rehearsal(left_out=tuple(sorted(self.catalogue.rules.keys() - rules.keys())))
        book = RuleBook(replace(self.catalogue, rules=rules))
        for keys in self._pages():
            for record, forms in self.store.many_with_forms(keys):
                self._compare(book, record, forms, found)
            looked_at(len(keys))
        return found

    def _pages(self) -> Iterator[Sequence[int]]:
        after = 0
        while keys := self.devices.judged_keys(after=after, limit=TOGETHER):
            yield keys
            after = keys[-1]

    def _compare(
        self, book: RuleBook, record: DeviceRecord, forms: Forms, found: Rehearsal
    ) -> None:
        facts: dict[str, Fact] = {}
        for topic in book.topics_beside(None) & forms.keys():
            held = record.snapshots[topic]
            content = partial(content_of, forms[topic])
            fact = book.stored_fact(topic, held.digest, content, held.observed_at)
            if fact is not None:
                facts[topic] = fact
        verdicts = book.judge(record.device, facts, topics=None, on_device=True, now=self.now())
        name = record.device.hostname or record.device.id
        found.devices += 1
        found.verdicts += len(verdicts)
        for verdict in verdicts:
            stands = record.verdicts.get(verdict.rule)
            before = None if stands is None else stands.verdict.status
            if before is not verdict.status:
                found.moved((verdict.rule, before, verdict.status), name)
        for rule in sorted(record.verdicts.keys() - self.catalogue.rules.keys()):
            found.moved((rule, record.verdicts[rule].verdict.status, None), name)
