"""All that sites are judged by: their own rules, the ladder of levels, and how levels read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.ladder_files import KnownIds, LevelWords, load_ladder, load_level_words
from vigie_server.domain.mail.rule_files import MailRule
from vigie_server.domain.maturity import AnyOf, Condition, Ladder, Population, Share
from vigie_server.domain.overrides import Override, in_force_at_site
from vigie_server.domain.products import ProductTable
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_rule_files import load_site_rules
from vigie_server.domain.site_rules import SiteRule
from vigie_server.domain.topics import Topic

SOFTWARE: Final = "software"
FIREWALL: Final = "firewall"
REVIEWED: Final = "Q01-inventory-reviewed"
ENDED: Final = "obsolete_products"
"""The list of products past their end."""
UNTOLD_DAYS: Final = 183
"""Days between two reviews where no rule of a site says: half a year."""


@dataclass(frozen=True)
class SiteGuide:
    """`titles` are those of rules, rules of sites and attestations by id, for sentences.

    `rules` of devices are those that conditions may share; `topics` those that sites' rules read.
    `mail_rules` are decided where mail domains are checked. `ended` are products whose vendor no
    longer mends them.
    """

    ladder: Ladder
    words: LevelWords
    site_rules: Mapping[str, SiteRule]
    titles: Mapping[str, Texts]
    questions: Mapping[int, Texts]
    rules: frozenset[str] = frozenset()
    topics: Mapping[str, Topic] = field(default_factory=dict)
    mail_rules: Mapping[str, MailRule] = field(default_factory=dict)
    ended: ProductTable = field(default_factory=lambda: ProductTable.of("none", ()))

    @cached_property
    def shared(self) -> Mapping[Population, frozenset[str]]:
        """The rules that the ladder counts devices by, for each population; those that exist."""
        found: dict[Population, set[str]] = {of: set() for of in Population}
        for levels in self.ladder.values():
            for conditions in levels.values():
                for share in _shares(conditions):
                    found[share.of].add(share.rule)
        return {of: frozenset(rules & self.rules) for of, rules in found.items()}

    def review_days(self, overrides: Iterable[Override]) -> int:
        """Days between two reviews of an inventory at a site, by what is set for it."""
        held = in_force_at_site(self.site_rules, overrides)
        days = [found.value for rule, _, found in held if rule.id == REVIEWED]
        return days[0] if days and isinstance(days[0], int) else UNTOLD_DAYS

    @cached_property
    def watched(self) -> ProductTable:
        """The products that a site should run in one version."""
        for rule in self.site_rules.values():
            for parameter in rule.parameters.values():
                if isinstance(parameter.default, ProductTable):
                    return parameter.default
        return ProductTable.of("none", ())


NO_SITE_GUIDE: Final = SiteGuide({}, {}, {}, {}, {})
"""Judges no site."""


def load_site_guide(
    guide_folder: Path,
    catalogue: Catalogue,
    *,
    attestations: Mapping[str, Texts] | None = None,
    other_site_rules: Collection[str] = (),
) -> SiteGuide:
    """The guide of a folder. Raises RulesMalformed.

    `attestations` are the titles of all that can be attested. `other_site_rules` are decided
    elsewhere: their verdicts count as they lie in the store.
    """
    folder = guide_folder / "site"
    site_rules = load_site_rules(folder / "rules.yaml", catalogue.references)
    known = KnownIds(
        rules=catalogue.rules.keys(),
        site_rules={*site_rules, *other_site_rules},
        attestations=None if attestations is None else attestations.keys(),
    )
    titles = {rule.id: rule.title for rule in catalogue.rules.values()}
    titles |= {rule.id: rule.title for rule in site_rules.values()}
    titles |= attestations or {}
    return SiteGuide(
        ladder=load_ladder(folder / "maturity.yaml", known),
        words=load_level_words(folder / "levels.yaml"),
        site_rules=site_rules,
        titles=titles,
        questions=catalogue.questions,
        rules=frozenset(catalogue.rules),
        topics={
            name: catalogue.topics[name]
            for name in (SOFTWARE, FIREWALL)
            if name in catalogue.topics
        },
        ended=_ended(catalogue),
    )


def _ended(catalogue: Catalogue) -> ProductTable:
    found = catalogue.references.get(ENDED)
    if found is None or not isinstance(found.content, ProductTable):
        return ProductTable.of("none", ())
    return found.content


def _shares(conditions: Collection[Condition]) -> list[Share]:
    found: list[Share] = []
    for condition in conditions:
        if isinstance(condition, Share):
            found.append(condition)
        elif isinstance(condition, AnyOf):
            for held in condition.lists:
                found += _shares(held)
    return found
