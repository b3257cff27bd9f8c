r"""Rules of the Windows firewall as the registry keeps them, one text each. Pure.

`v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=445|App=System|Name=@...|`:
names are references to resources, so that a rule reads the same in every language.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from vigie_agent.tables.windows_system import whole_number

PROFILES: Final = ("domain", "private", "public")

_TCP: Final = "6"
_ANY_PROTOCOL: Final = "256"
_SYSTEM: Final = "system"


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


def way_in(rules: Iterable[FirewallRule], port: int, *, default: str) -> str:
    """Whom the rules let in to a TCP port of Windows itself: any, other, or none.

    `any` are the neighbours: no address is named, or the local subnet is. `other` are addresses
    that a rule names, or whoever proves himself by IPsec. A rule that blocks beats all that allow.
    """
    found = default
    for rule in rules:
        if not rule.inbound or not _concerns(rule, port):
            continue
        whom = _whom(rule)
        if not rule.allows and whom == "any":
            return "none"
        if rule.allows and (whom == "any" or found == "none"):
            found = whom
    return found


def _concerns(rule: FirewallRule, port: int) -> bool:
    """Whether a rule is about a TCP port that no program or service but Windows itself holds."""
    protocol = rule.fields.get("protocol", (_ANY_PROTOCOL,))[0]
    program = rule.fields.get("app", (_SYSTEM,))[0].lower()
    return (
        protocol in {_TCP, _ANY_PROTOCOL}
        and program == _SYSTEM
        and "svc" not in rule.fields
        and _names(rule, port)
    )


def _names(rule: FirewallRule, port: int) -> bool:
    written = [
        value
        for name, values in rule.fields.items()
        if name == "lport" or name.startswith("lport2")
        for value in values
    ]
    return not written or any(_covers(value, port) for value in written)


def _covers(written: str, port: int) -> bool:
    """`445`, or `5000-5010`; words stand for ports that are given out at run time."""
    first, _, last = written.partition("-")
    lowest, highest = whole_number(first), whole_number(last or first)
    return lowest is not None and highest is not None and lowest <= port <= highest


def _whom(rule: FirewallRule) -> str:
    addresses = [
        value.lower()
        for name, values in rule.fields.items()
        if name.startswith(("ra4", "ra6"))
        for value in values
    ]
    if "security" in rule.fields and rule.allows:
        return "other"
    if not addresses or any(value.startswith("localsubnet") for value in addresses):
        return "any"
    return "other"


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
