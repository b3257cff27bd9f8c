"""What a change of a parameter would come to, before it is made."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from vigie_server.domain.devices import Device
from vigie_server.domain.errors import NotFound
from vigie_server.domain.overrides import Override
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.domain.surroundings import Surroundings
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import OverrideStore, Target


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A device whose verdict would change."""

    device: Device
    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter that would be set for a target, or, where `new` is None, be set no longer."""

    target: Target
    rule: str
    name: str
    new: Override | None

    def around(self, around: Surroundings, group: int | None) -> Surroundings:
        """What would stand around a device; `group` is the key of the target's group."""
        if self.new is not None:
            return around.with_override(self.new, group=group)
        return around.without_override(self.target.scope, self.rule, self.name, group=group)

    def half_set(self, pair: str | None, overrides: OverrideStore) -> tuple[str, str] | None:
        """Of two parameters that have an effect together only, what is set then and what is not.

        `pair` is the other one. That is asked of the target itself: None where both are set for it,
        or neither, or there is no other one. Blocking: call it from a worker thread.
        """
        if pair is None:
            return None
        try:
            other = bool(overrides.override(self.target, rule=self.rule, name=pair).value)
        except NotFound:
            other = False
        own = self.new is not None and bool(self.new.value)
        if own == other:
            return None
        return (self.name, pair) if own else (pair, self.name)


@dataclass(slots=True)
class Ahead:
    """What would change. `concerned` devices, of which the first `judged` were looked at.

    `shown` are the first of those whose verdict would be another; `moves` counts them all. `site`
    holds the verdicts on the site before and after, where the rule is one of the whole site.
    """

    concerned: int = 0
    judged: int = 0
    moves: Counter[tuple[Status, Status]] = field(default_factory=Counter)
    shown: list[Foreseen] = field(default_factory=list)
    site: tuple[SiteVerdict, SiteVerdict] | None = None


class LooksAhead(Protocol):
    """Judges what a change concerns, and writes nothing. Blocking: call it from a worker thread."""

    def __call__(self, change: Change) -> Ahead:
        """Raises NotFound: no such site, group or device, or nothing to be taken away."""
        ...
