"""The answers of rules that read one topic alone, found by one look for all of them.

With the cells of an answer where these were asked about before; or else among what is remembered of
evidence that is alike to every one of these rules.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.answered_alike import AnsweredAlike
from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.memory import Memory
from vigie_server.domain.noting import NOTES_KEPT, Named, own_place
from vigie_server.domain.parameters import PROFILES, STANDARD, Setting
from vigie_server.domain.remembered import Answered
from vigie_server.domain.reworded import worded
from vigie_server.domain.rules import Catalogue, Rule
from vigie_server.domain.text_questions import Alike
from vigie_server.domain.topic_rules import TopicRules, found_together
from vigie_server.domain.verdicts import Verdict

GROUPS_KEPT: Final = 1_024
"""Choices of rules that are asked together, whose groups are kept at hand; and ways to compare."""
CONTENT_BYTES: Final = 256
"""What tells contents apart, beside their text."""

SettingOf = Callable[[Rule, Device], Setting]
AlikeOf = Callable[[Rule, str, Setting], Alike]
Remembered = Callable[
    [Rule, Setting, Named, Mapping[str, Fact], Mapping[str, timedelta]], Answered | None
]


class TopicAnswers:
    """Answers of rules of one topic together. For one thread.

    `still_topics` are the rules that read one topic alone and follow nothing of the time, with it.
    What is `known` of contents is shared with who asks: it is bounded there. `setting_of` gives a
    rule's parameters in force on a device, `alike_of` how it tells contents of a topic apart,
    `remembered` its answer where it is known.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        still_topics: Mapping[Rule, str],
        known: Memory[Hashable, object],
        *,
        setting_of: SettingOf,
        alike_of: AlikeOf,
        remembered: Remembered,
    ) -> None:
        self._catalogue: Final = catalogue
        self._still_topics: Final = still_topics
        self._known: Final = known
        self._setting_of: Final = setting_of
        self._alike_of: Final = alike_of
        self._remembered: Final = remembered
        self._alikes: Final = Memory[tuple[TopicRules, str], tuple[Alike, tuple[str, ...] | None]](
            GROUPS_KEPT
        )
        self._groups: Final = Memory[tuple[Rule, ...], tuple[TopicRules, ...]](GROUPS_KEPT)

    def find(
        self,
        rules: tuple[Rule, ...],
        found: list[Verdict | None],
        named: Named,
        facts: Mapping[str, Fact],
        ages: Mapping[str, timedelta],
        now: datetime,
    ) -> list[TopicRules]:
        """Puts into its place what rules of one topic say together; gives those that did not.

        `found` has a place for each of the `rules`; `ages` are those of what was collected.
        """
        apart = []
        for group in self._of(rules):
            age = ages.get(group.topic)
            if age is None or age >= group.youngest or _is_overridden(group, named.device):
                continue
            fact = facts[group.topic]
            notes = fact.cells.notes
            place = _shared_place(group, named)
            known = notes.get(place)
            if type(known) is not tuple:
                alike = known
                if type(alike) is not AnsweredAlike:
                    alike = self._known.get(self._key(group, place, named, fact))
                if type(alike) is not AnsweredAlike:
                    apart.append(group)
                    continue
                if known is None:  # as of a rule alone: what is said is kept if it is asked again
                    if len(notes) < NOTES_KEPT:
                        notes[place] = alike
                    for at, verdict in zip(group.places, alike.once(fact, now), strict=True):
                        found[at] = verdict
                    continue
                known = notes[place] = tuple(
                    [worded(answered, facts) for answered in alike.answers]
                )
            for at, answered in zip(group.places, known, strict=True):
                found[at] = answered.since(fact.observed_at)
        return apart

    def note(
        self,
        group: TopicRules,
        found: Sequence[Verdict | None],
        named: Named,
        facts: Mapping[str, Fact],
        ages: Mapping[str, timedelta],
    ) -> None:
        """Keeps what all rules of a group say, once memory knows each of them.

        With the cells, where nothing is to be worded any more; or else for evidence that is alike.
        """
        if any(found[place] is None for place in group.places):
            return
        fact = facts[group.topic]
        notes = fact.cells.notes
        settings = [self._setting_of(rule, named.device) for rule in group.rules]
        known = [
            notes.get(own_place(setting, rule.depends_on or (), named))
            for rule, setting in zip(group.rules, settings, strict=True)
        ]
        if all(type(note) is Answered for note in known) and len(notes) < NOTES_KEPT:
            notes[_shared_place(group, named)] = tuple(known)
            return
        answers = []
        for rule, setting in zip(group.rules, settings, strict=True):
            answered = self._remembered(rule, setting, named, facts, ages)
            if answered is None:
                return
            answers.append(answered)
        key = self._key(group, _shared_place(group, named), named, fact)
        self._known.put(key, AnsweredAlike(answers), weight=CONTENT_BYTES + fact.cells.size)

    def _key(
        self, group: TopicRules, place: tuple[object, ...], named: Named, fact: Fact
    ) -> tuple[object, ...]:
        """What the answers of a group by the parameters of the device's profile follow.

        `place` is its shared one.
        """
        alike, columns = self._alike(group, named.device)
        texts = alike.of(fact.cells.content(columns))
        return (*place, fact.topic_version, fact.columns, texts)

    def _alike(self, group: TopicRules, device: Device) -> tuple[Alike, tuple[str, ...] | None]:
        """How the rules of a group tell contents apart, and by which columns; None: by all."""
        profile = device.profile if device.profile in PROFILES else STANDARD
        known = self._alikes.get((group, profile))
        if known is None:
            topic, every = group.topic, tuple(self._catalogue.topics[group.topic].columns)
            followed = {rule: rule.follows[topic] for rule in group.rules}
            alike = Alike.together(
                (
                    self._alike_of(rule, topic, self._setting_of(rule, device)),
                    every if of is None else of,
                )
                for rule, of in followed.items()
            )
            columns = None
            if None not in followed.values():
                columns = alike.telling({name: 0 for of in followed.values() for name in of or ()})
            known = alike, columns
            self._alikes.put((group, profile), known, weight=1)
        return known

    def _of(self, rules: tuple[Rule, ...]) -> tuple[TopicRules, ...]:
        known = self._groups.get(rules)
        if known is None:
            known = found_together(rules, self._still_topics.get)
            self._groups.put(rules, known, weight=1)
        return known


def _is_overridden(group: TopicRules, device: Device) -> bool:
    """Whether a parameter of these rules is not the profile's."""
    return bool(device.parameters) and not group.ids.isdisjoint(device.parameters or ())


def _shared_place(group: TopicRules, named: Named) -> tuple[object, ...]:
    """Under what cells note the answers of a group by the parameters of the device's profile."""
    device = named.device
    return (group, device.profile, device.platform, *[named[name] for name in group.names])
