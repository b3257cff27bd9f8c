"""The rules in force and what they read: the `Judging` of the sessions and the sweeper."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import Judge
from vigie_server.domain.reports import STATUSES
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Verdict
from vigie_server.ports import Content


class RuleBook:
    """A catalogue and its judge."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue: Final = catalogue
        self._judge = Judge(catalogue)
        self._topics_of = {rule.id: frozenset(rule.reads) for rule in catalogue.rules.values()}
        self._all_topics = frozenset[str]().union(*self._topics_of.values())
        self._on_device = [rule for rule, topics in self._topics_of.items() if not topics]
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

    @property
    def rules(self) -> Collection[str]:
        return self._topics_of.keys()

    def rules_reading(self, topic: str) -> Collection[str]:
        return self._reading.get(topic, ())

    @property
    def rules_on_device(self) -> Collection[str]:
        return self._on_device

    def topics_of(self, rule: str) -> frozenset[str]:
        return self._topics_of.get(rule, frozenset())

    def topics_beside(self, topics: frozenset[str] | None) -> frozenset[str]:
        if topics is None:
            return self._all_topics
        if len(topics) == 1:  # the common case, on the hot path
            (topic,) = topics
            return self._beside.get(topic, topics)
        return topics.union(*(self._beside.get(topic, frozenset()) for topic in topics))

    def fact(self, content: Content, observed_at: datetime) -> Fact | None:
        topic = self.catalogue.topics.get(content.topic)
        if topic is None:
            return None
        return topic.convert(
            topic_version=content.topic_version,
            status=STATUSES[content.status],
            message=content.message,
            columns=content.columns,
            values=content.values,
            observed_at=observed_at,
        )

    def judge(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        *,
        topics: frozenset[str] | None,
        now: datetime,
    ) -> Sequence[Verdict]:
        return self._judge.judge(device, facts, now=now, topics=topics)
