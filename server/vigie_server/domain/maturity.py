"""The ladder N0 to N4: which level a site holds in each question, why, and what comes next. Pure.

What it holds to:

- A level holds when its conditions and those of every level below hold; nothing is met silently.
  A share that no device is there to meet, or a rule of the site with nothing to decide on, needs
  the rule recorded as not applicable by a person; where there is something to judge, that word
  counts for nothing: it is measured.
- Shares count the devices that the site declares: those that never reported do not pass, and
  neither do unknown and waived verdicts. A site that declares no number meets no share, and is
  told of the devices that report and do not pass all the same.
- What is attested of a group of devices covers its devices: the item counts for the site once the
  share of its declared devices stands under a word that meets it. A group's word goes before the
  site's, whatever it says; devices that it says to be without object are not counted.
- No evidence at all is "not assessed", which is not N0.
- The actions to the next level are complete and in order of effort, the cheapest first.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from vigie_server.domain.verdicts import Status

LEVELS: Final = (1, 2, 3, 4)
NAMED: Final = 20
"""Devices that an action lists."""
DECLARED_DEVICES: Final = "declared_devices"
"""The subject of an action that asks for the number of a site's devices."""
_ROUNDING: Final = 1e-9  # 0.95 of 20 is 19, whatever binary fractions say


class Population(StrEnum):
    """Whom a share is counted over."""

    ALL = "all"
    NOMADIC = "nomadic"


@dataclass(frozen=True, slots=True)
class Share:
    """Enough of the devices pass a rule; `every`: all of them do."""

    rule: str
    of: Population = Population.ALL
    every: bool = False


@dataclass(frozen=True, slots=True)
class OfSite:
    """The rule of the whole site passes."""

    rule: str


@dataclass(frozen=True, slots=True)
class Attested:
    """A person attests it, where asked with this value or at least this number."""

    item: str
    value: str | None = None
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """All the conditions of one of the lists hold."""

    lists: tuple[tuple["Condition", ...], ...]


Condition = Share | OfSite | Attested | AnyOf

Ladder = Mapping[int, Mapping[int, tuple[Condition, ...]]]
"""Conditions by question and level."""


class Outcome(StrEnum):
    """What a person recorded of an item that has not expired."""

    HELD = "held"
    NOT_HELD = "not_held"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Attestation:
    """An attestation in force."""

    outcome: Outcome
    value: str | float | None = None


@dataclass(frozen=True, slots=True)
class WordShare:
    """So many of the devices that report stand under this word; None: nothing is said of them."""

    word: Attestation | None
    devices: int


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """One rule over the devices of a site that report.

    `applies` to so many, `passing` so many of them (neither unknown nor waived); `judged` says
    whether any passes or fails; `open` names some that do not pass, at most `NAMED`.
    """

    applies: int
    passing: int
    judged: bool
    open: tuple[str, ...] = ()


NO_DEVICE: Final = RuleStanding(0, 0, judged=False)


@dataclass(frozen=True, slots=True)
class SiteStanding:
    """All that a site's levels follow. `declared_devices` is None until a person says how many.

    `rules` are by rule and population; a rule that is absent was judged on no device. `expired`
    are the items whose newest attestation counts no more, with when it ended. `of_groups` are the
    items that something is attested of for groups of devices: which word holds for how many.
    """

    declared_devices: int | None
    reporting: int
    rules: Mapping[tuple[str, Population], RuleStanding]
    site_rules: Mapping[str, Status]
    attestations: Mapping[str, Attestation]
    expired: Mapping[str, datetime] = field(default_factory=dict)
    of_groups: Mapping[str, Sequence[WordShare]] = field(default_factory=dict)

    @property
    def absent(self) -> int:
        """Devices that are declared and do not report; 0 where no number is declared."""
        return max(0, (self.declared_devices or 0) - self.reporting)


class Need(StrEnum):
    """What kind of thing an action asks for."""

    ATTEST = "attest"  # record that something is done, and do it first where it is not
    DECLARE = "declare"  # say how many devices the site has
    SITE = "site"  # have the rule of the whole site pass
    MEND = "mend"  # have more devices pass a rule
    ENROL = "enrol"  # have declared devices report
    APPLY = "apply"  # no device is there: say that the rule does not apply


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do about `subject`, a rule or an attestation.

    Of `devices`, of which some are named, `count` have to be mended, enrolled, or attested for.
    Each of `alternatives` would do instead of it. An attestation has to carry `value`, where one is
    told, or `at_least` that number; the one before it ended at `expired_at` (UNIX seconds).
    """

    need: Need
    subject: str
    count: int = 0
    devices: tuple[str, ...] = ()
    alternatives: tuple[tuple["Action", ...], ...] = ()
    value: str | None = None
    at_least: float | None = None
    expired_at: float | None = None

    @property
    def effort(self) -> int:
        """For the order: words before deeds, few devices before many."""
        return _EFFORT[self.need] + (0 if self.need is Need.ATTEST else self.count)


_EFFORT: Final[Mapping[Need, int]] = {
    Need.DECLARE: 0,
    Need.APPLY: 1,
    Need.ATTEST: 2,
    Need.MEND: 10,
    Need.ENROL: 10,
    Need.SITE: 20,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """A site's level in one question. `level` is None while nothing is known.

    `held_by` are the unmet conditions of the next level, as the actions that meet them.
    """

    question: int
    level: int | None
    actions: tuple[Action, ...] = field(default=())


def assess(ladder: Ladder, site: SiteStanding, *, share: float) -> Sequence[Assessment]:
    """Every question of the ladder, in order. `share` is that of `share` conditions, 0 to 1."""
    return [_assessed(question, levels, site, share) for question, levels in sorted(ladder.items())]


def spread(levels: Sequence[Mapping[int, int | None]]) -> Mapping[int, Mapping[int | None, int]]:
    """How many sites hold each level, by question: what a body or a region sees, and no more."""
    counted: dict[int, dict[int | None, int]] = {}
    for of_site in levels:
        for question, level in of_site.items():
            found = counted.setdefault(question, {})
            found[level] = found.get(level, 0) + 1
    return counted


def _assessed(
    question: int,
    levels: Mapping[int, tuple[Condition, ...]],
    site: SiteStanding,
    share: float,
) -> Assessment:
    reached = 0
    actions: tuple[Action, ...] = ()
    for level in LEVELS:
        actions = _cheapest_first(
            action for condition in levels[level] for action in _missing(condition, site, share)
        )
        if actions:
            break
        reached = level
    known = any(_is_known(condition, site) for all_of in levels.values() for condition in all_of)
    return Assessment(question, reached if known else None, actions)


def _cheapest_first(actions: Iterable[Action]) -> tuple[Action, ...]:
    once = dict.fromkeys(actions)
    return tuple(sorted(once, key=lambda action: (action.effort, action.subject)))


def _missing(condition: Condition, site: SiteStanding, share: float) -> tuple[Action, ...]:
    """What the condition still asks for; nothing when it holds."""
    match condition:
        case Attested():
            return _attestation_missing(condition, site, share)
        case OfSite(rule=rule):
            return _site_rule_missing(rule, site)
        case Share():
            return _share_missing(condition, site, share)
        case AnyOf(lists=lists):
            ways = [
                _cheapest_first(
                    action for one in conditions for action in _missing(one, site, share)
                )
                for conditions in lists
            ]
            if not all(ways):
                return ()
            ways.sort(key=lambda way: sum(action.effort for action in way))
            first, *others = ways
            return (replace(first[0], alternatives=tuple(others)), *first[1:])


def _attestation_missing(
    condition: Attested, site: SiteStanding, share: float
) -> tuple[Action, ...]:
    found = site.attestations.get(condition.item)
    shares = site.of_groups.get(condition.item)
    if shares is None or (site.reporting == 0 and site.absent == 0):
        return () if _meets(found, condition) else (_ask(condition, site),)
    shares = (*shares, WordShare(found, site.absent))  # nobody said anything else of the absent
    excused = sum(one.devices for one in shares if _excuses(one.word, condition))
    total = sum(one.devices for one in shares) - excused
    if total == 0:
        return ()
    meeting = sum(one.devices for one in shares if _meets(one.word, condition)) - excused
    lacking = _enough(total, share) - meeting
    if lacking > 0:
        return (replace(_ask(condition, site), count=lacking),)
    if site.declared_devices is None and not _meets(found, condition):
        return (Action(Need.DECLARE, DECLARED_DEVICES),)  # how many are not in these groups
    return ()


def _ask(condition: Attested, site: SiteStanding) -> Action:
    ended = site.expired.get(condition.item)
    return Action(
        Need.ATTEST,
        condition.item,
        value=condition.value,
        at_least=condition.at_least,
        expired_at=None if ended is None else ended.timestamp(),
    )


def _meets(word: Attestation | None, condition: Attested) -> bool:
    if word is None or word.outcome is Outcome.NOT_HELD:
        return False
    if condition.value is not None:
        return word.value == condition.value
    if word.outcome is Outcome.NOT_APPLICABLE or condition.at_least is None:
        return True
    return isinstance(word.value, int | float) and word.value >= condition.at_least


def _excuses(word: Attestation | None, condition: Attested) -> bool:
    """Whether the word says that there is nothing to attest, where that is an answer."""
    return word is not None and word.outcome is Outcome.NOT_APPLICABLE and condition.value is None


def _enough(total: int, share: float) -> int:
    return math.ceil(total * share - _ROUNDING)


def _site_rule_missing(rule: str, site: SiteStanding) -> tuple[Action, ...]:
    match site.site_rules.get(rule):
        case Status.PASS:
            return ()
        case Status.FAIL | Status.UNKNOWN:
            return (Action(Need.SITE, rule),)
        case Status.NOT_APPLICABLE | None if _not_applicable(rule, site):
            return ()
        case Status.NOT_APPLICABLE:
            return (Action(Need.APPLY, rule),)
        case (
            None
        ):  # nothing is declared that it could be decided on: a mail domain, if there is one
            return (Action(Need.SITE, rule, alternatives=((Action(Need.APPLY, rule),),)),)


def _share_missing(condition: Share, site: SiteStanding, share: float) -> tuple[Action, ...]:
    rule = condition.rule
    found = site.rules.get((rule, condition.of), NO_DEVICE)
    if found.applies == 0 and _not_applicable(rule, site):
        return ()
    actions: list[Action] = []
    absent = 0
    if condition.of is Population.ALL:  # nobody knows which of the absent devices are nomadic
        if site.declared_devices is None:
            actions.append(Action(Need.DECLARE, DECLARED_DEVICES))
        else:
            absent = site.absent
    total = found.applies + absent
    if total == 0 and not actions:
        return (Action(Need.APPLY, rule),)
    wanted = total if condition.every else _enough(total, share)
    lacking = wanted - found.passing
    if lacking > 0:
        mended = min(lacking, found.applies - found.passing)
        if mended:
            actions.append(Action(Need.MEND, rule, mended, found.open))
        if lacking > mended:
            actions.append(Action(Need.ENROL, rule, lacking - mended))
    return tuple(actions)


def _not_applicable(rule: str, site: SiteStanding) -> bool:
    found = site.attestations.get(rule)
    return found is not None and found.outcome is Outcome.NOT_APPLICABLE


def _is_known(condition: Condition, site: SiteStanding) -> bool:
    """Whether anything at all was found or said of it."""
    match condition:
        case Attested(item=item):
            return item in site.attestations or item in site.of_groups
        case OfSite(rule=rule):
            known = site.site_rules.get(rule) in {Status.PASS, Status.FAIL}
            return known or rule in site.attestations
        case Share(rule=rule, of=of):
            return rule in site.attestations or site.rules.get((rule, of), NO_DEVICE).judged
        case AnyOf(lists=lists):
            return any(_is_known(one, site) for conditions in lists for one in conditions)
