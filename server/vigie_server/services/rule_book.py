"""The rules in force and what they read: the `Judging` of the sessions and the sweeper."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.describing import DESCRIBES, INVENTORY
from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import MEMORY_BYTES, Judge
from vigie_server.domain.memory import Memory
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.score import DECISIVE
from vigie_server.domain.topics import Topic
from vigie_server.domain.verdicts import Verdict
from vigie_server.domain.whereabouts import NETWORK, PLACED_BY
from vigie_server.ports.judging import Content
from vigie_server.services.device_records import fact_of

_ALSO_READ: Final = {INVENTORY: DESCRIBES, NETWORK: PLACED_BY}
"""Columns that tell of the device itself, whatever the rules read."""
SHARED_ROWS: Final = 32
"""Answers that have more rows are those of one device: nobody looks whether they are known."""
SHOWN_ONCE: Final = 65_536
"""Answers that were shown once and are told by a number alone, at most."""
_FACT_BYTES: Final = 1024  # an answer beside the text of its values


_NONE_KNOWN: Final[Mapping[str, Mapping[str, str]]] = {}


class RuleBook:
    """A catalogue and its judge.

    Stored answers are remembered by their digest, within `memory_bytes`, and verdicts within as
    much: the devices of a fleet resemble one another. `earlier` are the catalogues that devices may
    have been judged by: of each digest, its rules' digests by their ids.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        memory_bytes: int = MEMORY_BYTES,
        earlier: Mapping[str, Mapping[str, str]] = _NONE_KNOWN,
    ) -> None:
        self.catalogue: Final = catalogue
        self._differing = {
            digest: frozenset(
                rule.id for rule in catalogue.rules.values() if known.get(rule.id) != rule.digest
            )
            for digest, known in earlier.items()
        }
        self._judge = Judge(catalogue, memory_bytes=memory_bytes)
        self._not_kept = frozenset(
            topic.name for topic in catalogue.topics.values() if not topic.retention
        )
        self._facts = Memory[Hashable, Fact](memory_bytes)
        self._shown_once: set[int] = set()
        self._topics = {
            name: _as_read(topic, catalogue) for name, topic in catalogue.topics.items()
        }
        self._topics_of = {rule.id: frozenset(rule.reads) for rule in catalogue.rules.values()}
        self._all_topics = frozenset[str]().union(*self._topics_of.values())
        on_device = frozenset(rule for rule, topics in self._topics_of.items() if not topics)
        self._moving = frozenset(rule.id for rule in catalogue.rules.values() if rule.moving)
        self._doubts_after = {
            rule.id: rule.max_age
            for rule in catalogue.rules.values()
            if rule.depends_on is not None and not rule.moving
        }
        self._moved_by_reporting = on_device & self._moving
        self._decisive = frozenset(
            rule.id for rule in catalogue.rules.values() if rule.severity in DECISIVE
        )
        self._reading: dict[str, list[str]] = {}
        for rule, topics in self._topics_of.items():
            for topic in topics:
                self._reading.setdefault(topic, []).append(rule)
        self._beside = {
            topic: frozenset[str]().union(*(self._topics_of[rule] for rule in rules))
            for topic, rules in self._reading.items()
        }

    @property
    def digest(self) -> str:
        return self.catalogue.digest

    def differing(self, digest: str) -> frozenset[str] | None:
        return self._differing.get(digest)

    @property
    def rules(self) -> Collection[str]:
        return self._topics_of.keys()

    def rules_reading(self, topic: str) -> Collection[str]:
        return self._reading.get(topic, ())

    @property
    def rules_moved_by_reporting(self) -> frozenset[str]:
        return self._moved_by_reporting

    @property
    def moving(self) -> frozenset[str]:
        return self._moving

    def doubts_after(self, rule: str) -> timedelta | None:
        return self._doubts_after.get(rule)

    @property
    def decisive(self) -> frozenset[str]:
        return self._decisive

    def topics_of(self, rule: str) -> frozenset[str]:
        return self._topics_of.get(rule, frozenset())

    def topics_beside(self, topics: frozenset[str] | None) -> frozenset[str]:
        if topics is None:
            return self._all_topics
        if len(topics) == 1:  # the common case, on the hot path
            (topic,) = topics
            return self._beside.get(topic, topics)
        return topics.union(*(self._beside.get(topic, frozenset()) for topic in topics))

    def keeps(self, topic: str) -> bool:
        return topic not in self._not_kept

    def fact(self, content: Content, observed_at: datetime) -> Fact | None:
        topic = self._topics.get(content.topic)
        if topic is None:
            return None
        fact = fact_of(topic, content, observed_at)
        cells = fact.cells
        if cells.count > SHARED_ROWS:
            return fact
        said = (fact.topic, fact.topic_version, fact.status, fact.message, fact.columns)
        shown = (*said, cells.content(None))
        known = self._facts.get(shown)
        if known is not None:
            return known.at(observed_at)
        once = hash(shown)
        if once in self._shown_once:
            self._facts.put(shown, fact, weight=2 * _FACT_BYTES + cells.size)
        else:  # most of what is new is never shown again, and would push out what is
            if len(self._shown_once) >= SHOWN_ONCE:
                self._shown_once.clear()
            self._shown_once.add(once)
        return fact

    def known_fact(self, digest: bytes, observed_at: datetime) -> Fact | None:
        known = self._facts.get(digest)
        return None if known is None else known.at(observed_at)

    def stored_fact(
        self, topic: str, digest: bytes, content: Callable[[], Content], observed_at: datetime
    ) -> Fact | None:
        known = self.known_fact(digest, observed_at)
        if known is not None:
            return known
        declared = self._topics.get(topic)
        fact = None if declared is None else fact_of(declared, content(), observed_at)
        if fact is not None:
            self._facts.put(digest, fact, weight=_FACT_BYTES + fact.cells.size)
        return fact

    def judge(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        *,
        topics: frozenset[str] | None,
        on_device: bool,
        now: datetime,
        also: frozenset[str] = frozenset(),
    ) -> Sequence[Verdict]:
        return self._judge.judge(
            device, facts, now=now, topics=topics, on_device=on_device, also=also
        )


def _as_read(topic: Topic, catalogue: Catalogue) -> Topic:
    """The topic with what rules and verdicts use of it: the rest is stored, and never converted."""
    reads = [
        rule.reads[topic.name] for rule in catalogue.rules.values() if topic.name in rule.reads
    ]
    columns = {column for read in reads for column in read.columns} | set(topic.keys)
    return topic.narrowed(columns | _ALSO_READ.get(topic.name, frozenset()))
