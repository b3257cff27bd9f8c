"""The rules as sessions and the sweeper use them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.made_often import made_often
from vigie_server.domain.verdicts import Verdict


@made_often
class Content:
    """What a topic's answer holds: the fields of its canonical form."""

    topic: str
    topic_version: int
    status: int
    message: str
    columns: Sequence[str]
    values: Sequence[str]


class Judging(Protocol):
    """The rules in force and the topics they read. Pure, and never raises on data."""

    @property
    def digest(self) -> str:
        """Of the rules with all they follow: devices are judged again by those that differ."""
        ...

    def differing(self, digest: str) -> frozenset[str] | None:
        """The rules that are not the same under this digest, new ones among them.

        None where nothing is known of it: all of them may differ.
        """
        ...

    @property
    def rules(self) -> Collection[str]:
        """The ids of all the rules."""
        ...

    def rules_reading(self, topic: str) -> Collection[str]:
        """The rules that this topic's content can change."""
        ...

    @property
    def rules_moved_by_reporting(self) -> frozenset[str]:
        """Those of the rules that read no topic that follow what moves with every report."""
        ...

    @property
    def moving(self) -> frozenset[str]:
        """The rules that may judge the same content differently with every report."""
        ...

    def doubts_after(self, rule: str) -> timedelta | None:
        """The age at which evidence leaves this rule without an answer.

        None where an answer, or the lack of one, may also follow when the evidence was true.
        """
        ...

    @property
    def decisive(self) -> frozenset[str]:
        """The rules that a device must not fail to be compliant."""
        ...

    def topics_of(self, rule: str) -> frozenset[str]:
        """The topics a rule reads; none for a rule that does not exist."""
        ...

    def topics_beside(self, topics: frozenset[str] | None) -> frozenset[str]:
        """All that the rules which read one of the topics read; None: all that any rule reads."""
        ...

    def keeps(self, topic: str) -> bool:
        """Whether answers on this topic may be stored; others are judged on arrival and forgotten.

        What is not stored is not at hand after a restart: devices are asked for it again.
        """
        ...

    def fact(self, content: "Content", observed_at: datetime) -> Fact | None:
        """The converted answer; None for a topic that is not declared (a site's own pack).

        One that shows rules the same as one that is remembered, of whatever device, has its cells.
        """
        ...

    def stored_fact(
        self, topic: str, digest: bytes, content: "Callable[[], Content]", observed_at: datetime
    ) -> Fact | None:
        """As `fact`, of an answer with this digest that comes from the store.

        `content` is asked for it unless the same answer, of whatever device, is remembered.
        """
        ...

    def known_fact(self, digest: bytes, observed_at: datetime) -> Fact | None:
        """As `stored_fact`, of an answer that is remembered; None of any other."""
        ...

    def judge(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        *,
        topics: frozenset[str] | None,
        on_device: bool,
        also: frozenset[str],
        now: datetime,
    ) -> Sequence[Verdict]:
        """The verdicts of the rules that read one of the topics; None: of every rule.

        `on_device` adds the rules that read no topic, `also` those of these ids.
        """
        ...
