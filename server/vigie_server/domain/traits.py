"""What a site compares its devices by: watched products' versions, and the firewall as a digest.

Products past their vendor's end are told beside the watched ones, under a name with a mark: they
are looked for, not compared.

A device's answer holds thousands of rows; its traits are a handful, taken once for each answer. An
answer that could not be read whole tells nothing: half a list of software is not homogeneous.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import content_digest
from vigie_server.domain.site_guide import FIREWALL, SOFTWARE, SiteGuide
from vigie_server.domain.topics import Topic

FORM: Final = "2"
"""Rises when traits are taken otherwise."""
MAX_VERSION: Final = 100
CONFIGURATION: Final = "configuration"

ENDED_MARK: Final = "ended: "
"""Begins the name of a trait that is an entry of the list of ended products."""

_SOFTWARE_COLUMNS: Final = ("name", "version")
_FIREWALL_COLUMNS: Final = (
    "part",
    "name",
    "enabled",
    "inbound_default",
    "logs_drops",
    "fingerprint",
)
_RULED: Final = frozenset({"inbound", "profiles"})
"""Parts of the firewall whose rules are compared, so their digest must have been read."""

Trait = tuple[str, str]
"""A name and a value."""


@dataclass(frozen=True, slots=True)
class TraitReader:
    """Takes the traits of one topic's answers. `id` changes when they would be others."""

    id: str
    topic: Topic
    take: Callable[[Fact], frozenset[Trait] | None]

    def traits_of(self, fact: Fact, platform: str) -> frozenset[Trait] | None:
        """None where the answer does not tell."""
        if fact.status != "ok" or fact.topic_version != self.topic.version:
            return None
        answered = {str(row.get("part") or "") for row in fact.rows}
        if any(row.get("collected") is False for row in fact.rows):
            return None
        for part in self.topic.parts_on(platform):
            if not part.empty_is_a_fact and part.name not in answered:
                return None
        return self.take(fact)


def trait_readers(guide: SiteGuide) -> Mapping[str, TraitReader]:
    """The readers of a guide, by topic."""
    readers = {}
    if SOFTWARE in guide.topics and guide.watched.products:
        watched, ended = guide.watched, guide.ended
        readers[SOFTWARE] = TraitReader(
            f"{FORM} {watched.handle} {ended.handle}",
            guide.topics[SOFTWARE].narrowed(_SOFTWARE_COLUMNS),
            lambda fact: _versions(fact, watched, ended),
        )
    if FIREWALL in guide.topics:
        readers[FIREWALL] = TraitReader(
            FORM, guide.topics[FIREWALL].narrowed(_FIREWALL_COLUMNS), _configuration
        )
    return readers


def _versions(fact: Fact, watched: ProductTable, ended: ProductTable) -> frozenset[Trait]:
    found = set()
    for row in fact.rows:
        name, version = row.get("name"), row.get("version")
        if not isinstance(name, str) or not isinstance(version, str):
            continue
        told = version[:MAX_VERSION].replace("\0", "")
        product = watched.product(name)
        if product and told:
            found.add((product, told))
        over = ended.entry(name, version)
        if over is not None and over.ends is not None:
            found.add((f"{ENDED_MARK}{over.name}", told))
    return frozenset(found)


def _configuration(fact: Fact) -> frozenset[Trait] | None:
    if any(_rules_unread(row) for row in fact.rows):
        return None
    lines = sorted(
        "\t".join(str(row.get(column)) for column in _FIREWALL_COLUMNS) for row in fact.rows
    )
    return frozenset({(CONFIGURATION, content_digest(lines))})


def _rules_unread(row: FactRow) -> bool:
    return bool(row.get("part") in _RULED and row.get("enabled") and not row.get("fingerprint"))
