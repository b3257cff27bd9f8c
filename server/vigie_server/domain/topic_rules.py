"""Rules that read one topic alone and follow nothing of the time: found together.

A fleet shows the same answers over and over. What each of these rules said of an answer is noted
with its cells; once all of them have said something, one look there finds what all of them say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_server.domain.rules import Rule

PLATFORM: Final = "device.platform"
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True, eq=False)  # told apart by identity: they key what is noted
class TopicRules:
    """Those of one topic, and their `places` among the rules that are asked.

    `names` are those of the device that any of them follows, beside its platform, which all do.
    `youngest` is the age of evidence that is too old for one of them.
    """

    topic: str
    rules: tuple[Rule, ...]
    places: tuple[int, ...]
    ids: frozenset[str]
    names: tuple[str, ...]
    youngest: timedelta

    @classmethod
    def of(cls, topic: str, rules: Mapping[int, Rule]) -> "TopicRules":
        """These rules, by their places."""
        names = {name for rule in rules.values() for name in rule.depends_on or ()} - {PLATFORM}
        return cls(
            topic,
            tuple(rules.values()),
            tuple(rules),
            frozenset([rule.id for rule in rules.values()]),
            tuple(sorted(names)),
            min(rule.max_age for rule in rules.values()),
        )


def found_together(
    rules: Sequence[Rule], topic_of: Callable[[Rule], str | None]
) -> tuple[TopicRules, ...]:
    """Of these rules, those that share a topic with another.

    `topic_of` gives the one that a rule reads alone, None where it follows more.
    """
    by_topic: dict[str, dict[int, Rule]] = {}
    for place, rule in enumerate(rules):
        topic = topic_of(rule)
        if topic is not None:
            by_topic.setdefault(topic, {})[place] = rule
    return tuple(
        TopicRules.of(topic, some) for topic, some in by_topic.items() if len(some) >= _SEVERAL
    )
