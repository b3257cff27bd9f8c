"""The judge: rules on a device's evidence at one moment. Pure; never raises on data.

What it holds to:

- It never passes on a failure of its own: only the value True of a whole evaluation, on evidence
  that is there, recent, readable and complete, is a pass. Everything else that is not a fail is
  `unknown`, with the reason.
- The evidence a rule reads is checked before its conditions run: reported, of the version it reads,
  not too old, collected, with its columns, each value of its type, each part answered. A missing
  part leaves a verdict only where the rule says which one survives it (`partial`).
- The same arguments give the same verdicts: time comes in as `now`. A rule that time does not move
  and that has been asked about the same evidence before, of whatever device, answers from memory;
  one that time moves, at times for which its answer is known to be the same
  (`domain/remembered.py`), or within the same second where it sees nothing of time but `now`.
- Each pass and fail says when it can change without new evidence, so that a sweeper asks again.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.casefile import CaseFile, Layout, columns_read
from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Cells, Fact
from vigie_server.domain.hearing import Hearing
from vigie_server.domain.memory import Memory
from vigie_server.domain.moving import Times
from vigie_server.domain.noting import NOTES_KEPT, Named, own_place
from vigie_server.domain.parameters import PROFILES, STANDARD, Setting
from vigie_server.domain.remembered import Answered, Lasting, OnTime
from vigie_server.domain.reworded import said_once, worded, worded_once
from vigie_server.domain.rules import MOVING, Catalogue, Rule
from vigie_server.domain.text_questions import Alike
from vigie_server.domain.topic_answers import CONTENT_BYTES, TopicAnswers
from vigie_server.domain.verdicts import Verdict, digested

MEMORY_BYTES: Final = 32 * 1024 * 1024
"""What remembered answers may take together, roughly."""
SETTINGS_KEPT: Final = 4_096
"""Overridden settings kept at hand; sites share theirs."""
LAYOUTS_KEPT: Final = 1_024
"""Choices of rules that are asked together, whose layouts are kept at hand."""
_ANSWER_BYTES: Final = 1024  # an answer, roughly

_EIGHTHS: Final = 8
"""In which what is remembered is shared: contents that answers were given to have three, answers
three, answers of rules that follow the time one, and those of the current second one."""
_LARGE: Final = 3
_LASTING_KEPT: Final = 4  # answers of one rule on the same evidence, each at times of its own
_SEEN_BYTES: Final = 256  # what is remembered of evidence that was asked about once

_NO_RULES: Final = frozenset[str]()


class Judge:
    """Judges devices by a catalogue. For one thread.

    `memory_bytes` bounds what it remembers of answers given; 0: nothing.
    """

    def __init__(self, catalogue: Catalogue, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.catalogue: Final = catalogue
        self._remembers: Final = memory_bytes > 0
        eighth = memory_bytes // _EIGHTHS
        self._contents: Final = Memory[Hashable, object](eighth * _LARGE)
        self._memory: Final = Memory[_Key, Answered](eighth * _LARGE)
        self._lasting: Final = Memory[_Key, _AtTimes](eighth)
        self._moment_bytes: Final = eighth
        self._moment = _Moment(0, Memory(self._moment_bytes))
        self._overridden: Final = Memory[tuple[str, str, str], Setting](SETTINGS_KEPT)
        self._alikes: Final = Memory[tuple[Setting, str], Alike](SETTINGS_KEPT)
        self._rules: Final = tuple(catalogue.rules.values())
        self._on_time: Final = {
            rule: OnTime(rule) for rule in self._rules if rule.depends_on is None
        }
        self._alone: Final = {
            rule: (topic, still)
            for rule in self._rules
            for topic in rule.reads
            if len(rule.reads) == 1 and (still := self._still_names(rule)) is not None
        }
        self._together: Final = TopicAnswers(
            catalogue,
            {
                rule: topic
                for rule, (topic, _) in self._alone.items()
                if rule.depends_on is not None
            },
            self._contents,
            setting_of=self.setting,
            alike_of=self._alike,
            remembered=self._remembered,
        )
        self._columns: Final = columns_read(self._rules)
        self._layouts: Final = Memory[tuple[Rule, ...], Layout](LAYOUTS_KEPT)
        self._settings: Final = {
            (rule.id, profile): Setting.of(rule.container, rule.parameters, profile, None)
            for rule in self._rules
            for profile in PROFILES
        }
        self._affected: Final[dict[tuple[frozenset[str], bool], tuple[Rule, ...]]] = {}

    def judge(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        *,
        now: datetime,
        topics: frozenset[str] | None = None,
        on_device: bool = True,
        also: frozenset[str] = _NO_RULES,
    ) -> list[Verdict]:
        """The verdict of every rule; with `topics`, only of the rules that read one of them.

        `facts` are all that is known of the device, by topic. Rules that read no topic depend on
        the device alone and are judged too, unless `on_device` is false. `also` are rules that are
        judged whatever they read. The order is that of the rules' ids.
        """
        rules = self.affected(topics, on_device=on_device, also=also)
        if not self._remembers:
            asked = {rule: (self.setting(rule, device), None) for rule in rules}
            return self._hear(device, facts, asked, now)
        second = int(now.timestamp())
        if second != self._moment.second:
            self._moment = _Moment(second, Memory(self._moment_bytes))
        ages = {
            topic: now - fact.observed_at for topic, fact in facts.items() if fact.status == "ok"
        }
        named = Named(device)
        found: list[Verdict | None] = [None] * len(rules)
        apart = self._together.find(rules, found, named, facts, ages, now)
        if not apart and all(found):
            return found  # type: ignore[return-value] # all are found
        seconds = _Seconds(facts)
        keys: dict[Rule, tuple[Setting, _Key | None]] = {}
        for place, rule in enumerate(rules):
            if found[place] is None:
                setting = self.setting(rule, device)
                key, known = self._recalled(rule, setting, named, facts, ages, seconds, now)
                if known is None:
                    keys[rule] = setting, key
                else:
                    found[place] = known
        for group in apart:
            self._together.note(group, found, named, facts, ages)
        if keys:
            heard = iter(self._hear(device, facts, keys, now))
            return [next(heard) if known is None else known for known in found]
        return found  # type: ignore[return-value] # all are found

    def verdict(
        self, rule: Rule, device: Device, facts: Mapping[str, Fact], *, now: datetime
    ) -> Verdict:
        """What one rule of the catalogue says; nothing is remembered of it."""
        (verdict,) = self._hear(device, facts, {rule: (self.setting(rule, device), None)}, now)
        return verdict

    def affected(
        self,
        topics: frozenset[str] | None,
        *,
        on_device: bool = True,
        also: frozenset[str] = _NO_RULES,
    ) -> tuple[Rule, ...]:
        """The rules whose verdict new evidence on these topics can change; None: every rule.

        And those of the ids in `also`.
        """
        if topics is None:
            return self._rules
        if also:
            moved = frozenset(self.affected(topics, on_device=on_device))
            return tuple([rule for rule in self._rules if rule.id in also or rule in moved])
        found = self._affected.get((topics, on_device))
        if found is None:
            found = tuple(
                rule
                for rule in self._rules
                if (not topics.isdisjoint(rule.reads) if rule.reads else on_device)
            )
            if topics <= self.catalogue.topics.keys():  # a site's packs bring names without end
                self._affected[topics, on_device] = found
        return found

    def _hear(
        self,
        device: Device,
        facts: Mapping[str, Fact],
        asked: Mapping[Rule, "tuple[Setting, _Key | None]"],
        now: datetime,
    ) -> list[Verdict]:
        case = CaseFile(
            device,
            facts,
            self.catalogue.topics,
            now=now,
            layout=self.layout(tuple(asked)),
            settings=[setting for setting, _ in asked.values()],
            whys=self.catalogue.whys,
        )
        verdicts = []
        for rule, (setting, key) in asked.items():
            hearing = Hearing(case, rule, setting)
            verdict = hearing.verdict()
            if key is not None:
                verdict = digested(verdict)
                answered = Answered(rule, verdict, hearing.fresh_end, hearing.words())
                self._remember(key, hearing, answered)
            verdicts.append(verdict)
        return verdicts

    def _recalled(
        self,
        rule: Rule,
        setting: Setting,
        named: Named,
        facts: Mapping[str, Fact],
        ages: Mapping[str, timedelta],
        seconds: "_Seconds",
        now: datetime,
    ) -> "tuple[_Key | None, Verdict | None]":
        """What the answer is remembered under, and the verdict from memory where that is known.

        Of a rule that reads one topic, either is noted with the cells themselves: they are those
        of every device with the same answer.
        """
        alone = self._alone.get(rule)
        if alone is None:
            key = self._key(rule, setting, named, facts, ages)
            return key, None if key is None else self._known(rule, key, named, facts, seconds, now)
        topic, names = alone
        age = ages.get(topic)
        if age is None or age >= rule.max_age:
            return None, None
        notes = facts[topic].cells.notes
        place = own_place(setting, names, named)
        note = notes.get(place)
        if type(note) is Answered:
            return None, note.at(facts, now)
        if type(note) is _Timed:
            verdict = note.known.at((self._moment.second, seconds[topic]), facts, now)
            if verdict is not None:
                return None, verdict
            known_key: object = note.key
        else:
            known_key = note
        key = (
            known_key if type(known_key) is tuple else self._key(rule, setting, named, facts, ages)
        )
        if key is None:
            return None, None
        if rule.depends_on is None:
            verdict = self._known(rule, key, named, facts, seconds, now)
            answer: object = self._timed(key, note)
        else:
            verdict, answer = self._answered(key, note, facts, now)
        if answer is not None and answer is not note and len(notes) < NOTES_KEPT:
            notes[place] = answer
        return key, verdict

    def _timed(self, key: "_Key", note: object) -> "_Timed":
        known = self._lasting.get(key) or _SEEN_ONCE
        return note if type(note) is _Timed and note.known is known else _Timed(key, known)

    def _answered(
        self, key: "_Key", note: object, facts: Mapping[str, Fact], now: datetime
    ) -> tuple[Verdict | None, object]:
        """What a rule that does not follow the time said of this topic alone, and what to note.

        Most texts are one device's: what is said of them is kept if it is asked again.
        """
        answered = self._memory.get(key)
        if answered is None:
            return None, None
        if note is None and answered.words is not None:
            return said_once(answered, facts, now), key
        told = worded(answered, facts)
        return told.at(facts, now), told

    def _known(
        self,
        rule: Rule,
        key: "_Key",
        named: Named,
        facts: Mapping[str, Fact],
        seconds: "_Seconds",
        now: datetime,
    ) -> Verdict | None:
        """The verdict from memory, if it is known to be the one that would be given now."""
        if rule.depends_on is not None:
            answered = self._memory.get(key)
        else:
            known = self._lasting.get(key)
            if known is not None and known.answers:
                times = self._on_time[rule].times(named, seconds, self._moment.second)
                verdict = known.at(times, facts, now)
                if verdict is not None:
                    return verdict
            answered = self._moment.answers.get(key) if _at_moment(rule) else None
        return None if answered is None else worded_once(answered, facts).at(facts, now)

    def _still_names(self, rule: Rule) -> tuple[str, ...] | None:
        """What an answer follows beside evidence and parameters; None of one that moves by more."""
        if rule.depends_on is not None:
            return rule.depends_on
        return None if rule.names & MOVING else self._on_time[rule].still_names

    def _remember(self, key: "_Key", hearing: Hearing, answered: Answered) -> None:
        """Keeps an answer, of a rule on time with the times it stands for.

        These are found out where the same evidence comes a second time: it takes as long as three
        answers, and most evidence with times in it is of one device at one time.
        """
        rule = answered.rule
        if rule.depends_on is not None:
            self._memory.put(key, answered, weight=_ANSWER_BYTES)
            return
        if _at_moment(rule):
            self._moment.answers.put(key, answered, weight=_ANSWER_BYTES)
        known = self._lasting.get(key)
        if known is None:
            self._lasting.put(key, _SEEN_ONCE, weight=_SEEN_BYTES)
        elif known.followed:
            lasting = hearing.lasting(self._on_time[rule], answered)
            if lasting is None:
                self._lasting.put(key, _NOT_FOLLOWED, weight=_SEEN_BYTES)
            else:
                kept = lasting, *known.answers[: _LASTING_KEPT - 1]
                self._lasting.put(key, _AtTimes(kept), weight=_ANSWER_BYTES * len(kept))

    def layout(self, rules: tuple[Rule, ...]) -> Layout:
        """What these rules of the catalogue see, asked together."""
        layout = self._layouts.get(rules)
        if layout is None:
            layout = Layout.of(rules, self._columns)
            self._layouts.put(rules, layout, weight=1)
        return layout

    def _key(
        self,
        rule: Rule,
        setting: Setting,
        named: Named,
        facts: Mapping[str, Fact],
        ages: Mapping[str, timedelta],
    ) -> "_Key | None":
        """None where evidence is lacking, or too old."""
        key: list[object] = [rule, setting, named.device.platform]
        names = rule.depends_on
        if names is None:
            on_time = self._on_time[rule]
            names = on_time.still_names
            key += on_time.kinds(named)
        for topic, columns in rule.follows.items():
            age = ages.get(topic)
            if age is None or age >= rule.max_age:
                return None
            fact = facts[topic]
            asks = topic in rule.asks and setting.wrong is None
            place = self._alike(rule, topic, setting) if asks else columns
            content = fact.cells.notes.get(place) or self._known_content(fact.cells, place, columns)
            key += (fact.topic_version, fact.columns, content)
        if names:
            key += [named[name] for name in names]
        return tuple(key)

    def _known_content(
        self, cells: Cells, place: Alike | tuple[str, ...] | None, columns: tuple[str, ...] | None
    ) -> object:
        """What stands for this content in keys: the same for equal content, while it is known.

        Equal is what the rules of the `place` hold for equal.
        """
        texts = cells.content(columns)
        content = place, place.of(texts) if isinstance(place, Alike) else texts
        known = self._contents.get(content)
        if known is None:
            known = object()
            self._contents.put(content, known, weight=CONTENT_BYTES + cells.size)
        cells.notes[place] = known
        return known

    def _remembered(
        self,
        rule: Rule,
        setting: Setting,
        named: Named,
        facts: Mapping[str, Fact],
        ages: Mapping[str, timedelta],
    ) -> Answered | None:
        """What a rule that does not follow the time answered of evidence that is alike."""
        key = self._key(rule, setting, named, facts, ages)
        return None if key is None else self._memory.get(key)

    def _alike(self, rule: Rule, topic: str, setting: Setting) -> Alike:
        known = self._alikes.get((setting, topic))
        if known is None:
            known = Alike.by(rule.asks.get(topic, {}), rule.container, setting)
            self._alikes.put((setting, topic), known, weight=1)
        return known

    def setting(self, rule: Rule, device: Device) -> Setting:
        """The rule's parameters in force on the device."""
        profile = device.profile if device.profile in PROFILES else STANDARD
        overrides = device.parameters.get(rule.id) if device.parameters else None
        if not overrides:
            return self._settings[rule.id, profile]
        key = (rule.id, profile, repr(sorted(overrides.items())))
        setting = self._overridden.get(key)
        if setting is None:
            setting = Setting.of(rule.container, rule.parameters, profile, overrides)
            self._overridden.put(key, setting, weight=1)
        return setting


_Key = tuple[object, ...]
"""A rule, and all that its verdict follows."""


@dataclass(frozen=True, slots=True)
class _AtTimes:
    """What a rule on time answered on some evidence: the latest first, each with its windows.

    `followed` is false where it cannot be known how long an answer stands.
    """

    answers: tuple[Lasting, ...] = ()
    followed: bool = True

    def at(self, times: Times, facts: Mapping[str, Fact], now: datetime) -> Verdict | None:
        """The verdict on this evidence at these times; None where it is not known to be any."""
        for one in self.answers:
            if one.holds(times):
                told = one.answered
                if told.words is not None:
                    told = worded_once(told, facts)
                return told.until(one.fresh_end(times), facts, now)
        return None


@dataclass(frozen=True, slots=True)
class _Timed:
    """What cells note of a rule on time: under what it is remembered, and what is known there."""

    key: "_Key"
    known: _AtTimes


_SEEN_ONCE: Final = _AtTimes()
_NOT_FOLLOWED: Final = _AtTimes(followed=False)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Answers of rules that follow the time, in the second (all that they see of it) they are of.

    A fleet that is judged again asks the same thing a thousand times in one.
    """

    second: int
    answers: "Memory[_Key, Answered]"


def _at_moment(rule: Rule) -> bool:
    """Whether it follows the time by `now` alone."""
    return rule.depends_at_moment is not None


class _Seconds(dict[str, int]):
    """When the evidence of each topic was true, in UNIX seconds: counted when a rule asks."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        super().__init__()
        self._facts: Final = facts

    def __missing__(self, topic: str) -> int:
        found = self[topic] = int(self._facts[topic].observed_at.timestamp())
        return found
