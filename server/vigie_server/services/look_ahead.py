"""What setting a parameter, or taking it away, would come to: judged, and written nowhere.

Of a rule of devices the verdicts on those that the change holds for are compared; of a rule of the
whole site the site's one verdict. Both are worked out now, from what is stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vigie_server.domain.errors import NotFound
from vigie_server.domain.overrides import Scope
from vigie_server.domain.site_rules import SiteRule, SiteVerdict, judge_site
from vigie_server.ports.assessing import SeenSites
from vigie_server.ports.declaring import GroupStore, OverrideStore
from vigie_server.ports.foreseeing import Ahead, Change
from vigie_server.services.foresee import Foresee


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Changes nothing. `most_judged` devices at most are looked at, `most_shown` are named."""

    overrides: OverrideStore
    groups: GroupStore
    devices: Foresee
    sites: SeenSites
    site_rules: Mapping[str, SiteRule]
    now: Callable[[], datetime]
    most_judged: int | None
    most_shown: int

    def __call__(
        self, change: Change, *, looked_at: Callable[[int], None] = lambda _: None
    ) -> Ahead:
        """`looked_at` is told how many devices more have been judged.

        Raises NotFound: no such site, group or device, or nothing is set that could be taken away.
        """
        if change.new is None:
            self._require_set(change)
        if change.rule in self.site_rules:
            return Ahead(site=self._site(change))
        if change.rule not in self.devices.catalogue.rules:
            return Ahead()  # of a rule that is no more: it has no effect already
        keys = self.overrides.concerned(change.target)
        group = None
        if change.target.scope is Scope.GROUP:
            group = self.groups.group(change.target.site, change.target.of).key
        judged = keys[: self.most_judged]
        found = Ahead(concerned=len(keys), judged=len(judged))
        changed = self.devices(
            judged, change.rule, lambda around: change.around(around, group), looked_at=looked_at
        )
        for one in changed:
            found.moves[one.before, one.after] += 1
            if len(found.shown) < self.most_shown:
                found.shown.append(one)
        return found

    def _require_set(self, change: Change) -> None:
        target = change.target
        for one in self.overrides.overrides(None):
            if (one.scope, one.of, one.rule, one.name) == (
                target.scope,
                target.of,
                change.rule,
                change.name,
            ) and (target.scope is not Scope.GROUP or one.site == target.site):
                return
        raise NotFound(f"{change.rule} {change.name} is not set for the {target.scope} {target.of}")

    def _site(self, change: Change) -> tuple[SiteVerdict, SiteVerdict]:
        now = self.now()
        site = change.target.of
        seen = self.sites.seen(self.sites.key_of(site), now=now)
        if seen is None:
            raise NotFound(f"no site {site}")
        rule = self.site_rules[change.rule]
        held = seen.overrides.get(rule.id, {})
        other = {name: value for name, value in held.items() if name != change.name}
        if change.new is not None:
            other[change.name] = change.new.value
        before, after = (
            judge_site(
                rule,
                seen.figures,
                overrides=overrides,
                memory=seen.memory.get(rule.id, {}),
                now=now,
            )
            for overrides in (held, other)
        )
        return before, after
