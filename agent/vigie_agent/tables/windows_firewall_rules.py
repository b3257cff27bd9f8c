r"""Rules of the Windows firewall as the registry keeps them, one text each. Pure.

`v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=445|App=System|Name=@...|`:
names are references to resources, so that a rule reads the same in every language.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

PROFILES: Final = ("domain", "private", "public")


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule that is switched on. Without profiles it holds in all of them."""

    text: str
    profiles: frozenset[str]
    inbound: bool
    allows: bool
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds_in(self, profile: str) -> bool:
        """Whether the rule counts in a profile."""
        return profile in self.profiles


def active_rules(texts: Iterable[str]) -> Sequence[FirewallRule]:
    """The rules that are switched on, damaged ones left out."""
    return [rule for text in texts if (rule := _rule(text)) is not None]


def digest(rules: Iterable[FirewallRule]) -> str:
    """One text for a set of rules, whatever their order; empty for none."""
    lines = sorted({rule.text for rule in rules})
    return blake2b("\n".join(lines).encode(), digest_size=16).hexdigest() if lines else ""


def _rule(text: str) -> FirewallRule | None:
    version, *parts = text.strip("\0").split("|")
    said: dict[str, list[str]] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals:
            said.setdefault(name.lower(), []).append(value)
    active, direction = said.get("active", [""])[0], said.get("dir", [""])[0]
    if not version.startswith("v") or active.upper() != "TRUE" or direction not in {"In", "Out"}:
        return None
    named = frozenset(value.lower() for value in said.get("profile", ())) & set(PROFILES)
    return FirewallRule(
        text=text.strip("\0"),
        profiles=named or frozenset(PROFILES),
        inbound=direction == "In",
        allows=said.get("action", [""])[0] == "Allow",
        fields={name: tuple(values) for name, values in said.items()},
    )
