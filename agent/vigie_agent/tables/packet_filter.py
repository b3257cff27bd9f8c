"""A packet filter's chains, and what becomes of a new inbound connection that no rule allows.

Whatever the rules were read from (nft's JSON, iptables-save), they come here as conditions that are
known (interface, protocol, connection state) or not. A rule with an unknown condition is one that
allows or refuses something particular: it does not decide what happens to everything else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from hashlib import blake2b
from typing import Final

_MAX_DEPTH: Final = 64


class Field(StrEnum):
    """What a condition looks at; OTHER is anything that we do not evaluate."""

    INTERFACE = auto()
    FAMILY = auto()
    PROTOCOL = auto()
    STATE = auto()
    OTHER = auto()


class Action(StrEnum):
    """What a rule does. NOTHING: it only counts, logs or marks."""

    ACCEPT = auto()
    DROP = auto()  # or reject
    JUMP = auto()
    GOTO = auto()
    RETURN = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action and, for a jump, the chain it leads to."""

    action: Action
    target: str = ""


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection from outside, to a port that no rule names."""

    family: str
    protocol: str
    interface: str

    def __getitem__(self, looked_at: Field) -> str:
        return {
            Field.INTERFACE: self.interface,
            Field.FAMILY: self.family,
            Field.PROTOCOL: self.protocol,
            Field.STATE: "new",
            Field.OTHER: "",
        }[looked_at]


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when what `looked_at` says is one of `values` (or, negated, none of them)."""

    looked_at: Field
    values: frozenset[str] = frozenset()
    negated: bool = False

    def holds(self, packet: Packet) -> bool:
        """Whether it is certain to hold for `packet`."""
        if self.looked_at is Field.OTHER:
            return False
        found = any(_is_named(packet[self.looked_at], value) for value in self.values)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict map: the verdict that belongs to what the packet says, if any."""

    looked_at: Field
    verdicts: Mapping[str, Verdict]

    def verdict(self, packet: Packet) -> Verdict:
        """The entry for `packet`, else the one for `*`, else nothing."""
        for value, verdict in self.verdicts.items():
            if self.looked_at is not Field.OTHER and _is_named(packet[self.looked_at], value):
                return verdict
        return Verdict(Action.NOTHING)

    @property
    def targets(self) -> frozenset[str]:
        """The chains that it can lead to."""
        return frozenset(verdict.target for verdict in self.verdicts.values() if verdict.target)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `text` identifies it, without counters, for the fingerprint."""

    verdict: Verdict | Choice
    conditions: tuple[Condition, ...] = ()
    logs: bool = False
    text: str = ""

    @property
    def targets(self) -> frozenset[str]:
        """The chains that it can lead to."""
        if isinstance(self.verdict, Choice):
            return self.verdict.targets
        return frozenset({self.verdict.target} - {""})

    @property
    def logs_drops(self) -> bool:
        """Whether it logs and does not accept: refused packets pass through such a rule."""
        return self.logs and self.verdict != Verdict(Action.ACCEPT)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain. `hook` is empty for one that is only jumped to."""

    family: str
    table: str
    name: str
    rules: tuple[Rule, ...] = ()
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All chains of all tables."""

    chains: tuple[Chain, ...]
    by_name: Mapping[tuple[str, str, str], Chain] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = {(chain.family, chain.table, chain.name): chain for chain in self.chains}
        object.__setattr__(self, "by_name", names)

    @property
    def base_chains(self) -> tuple[Chain, ...]:
        """The chains that the kernel calls, in its order."""
        base = [chain for chain in self.chains if chain.hook]
        return tuple(sorted(base, key=lambda chain: (chain.hook, chain.priority, chain.name)))

    def inbound_chains(self, family: str) -> tuple[Chain, ...]:
        """The filtering base chains that a packet for this device meets; ipv4 or ipv6."""
        return tuple(
            chain
            for chain in self.base_chains
            if chain.type == "filter"
            and chain.hook in {"prerouting", "input"}
            and chain.family in _TABLES_OF[family]
        )

    def reached(self, chain: Chain) -> tuple[Chain, ...]:
        """`chain` and every chain that it can lead to, by name."""
        found = {chain.name: chain}
        waiting = [chain]
        while waiting:
            for rule in waiting.pop().rules:
                for target in rule.targets - found.keys():
                    other = self.by_name.get((chain.family, chain.table, target))
                    if other is not None:
                        found[target] = other
                        waiting.append(other)
        return tuple(found[name] for name in sorted(found))

    def fate(self, chain: Chain, packet: Packet) -> Action:
        """ACCEPT or DROP: what `chain` does with a packet that only its last rules are for."""
        decided = self._walk(chain, packet, depth=0)
        if decided is not None:
            return decided
        return Action.DROP if chain.policy == "drop" else Action.ACCEPT

    def _walk(self, chain: Chain, packet: Packet, *, depth: int) -> Action | None:
        """The verdict reached in `chain`, None when the packet comes out of its end."""
        for rule in chain.rules if depth < _MAX_DEPTH else ():
            if not all(condition.holds(packet) for condition in rule.conditions):
                continue
            verdict = rule.verdict
            verdict = verdict.verdict(packet) if isinstance(verdict, Choice) else verdict
            match verdict.action:
                case Action.ACCEPT | Action.DROP:
                    return verdict.action
                case Action.RETURN:
                    return None
                case Action.JUMP | Action.GOTO:
                    target = self.by_name.get((chain.family, chain.table, verdict.target))
                    decided = self._walk(target, packet, depth=depth + 1) if target else None
                    if decided is not None or verdict.action is Action.GOTO:
                        return decided
                case Action.NOTHING:
                    continue
        return None


@dataclass(frozen=True, slots=True)
class Inbound:
    """What stands between the network and this device for one family of addresses."""

    blocks: bool
    enabled: bool
    chains: tuple[str, ...]
    rules: int
    logs_drops: bool
    fingerprint: str


def inbound(ruleset: Ruleset, family: str, interfaces: Sequence[str]) -> Inbound:
    """Blocking means: on every interface, for TCP and for UDP, some chain drops what is new."""
    chains = ruleset.inbound_chains(family)
    packets = [Packet(family, protocol, name) for protocol in ("tcp", "udp") for name in interfaces]
    dropping = [
        [chain for chain in chains if ruleset.fate(chain, packet) is Action.DROP]
        for packet in packets
    ]
    blocks = bool(packets) and all(dropping)
    reached = list(_distinct(chain for base in chains for chain in ruleset.reached(base)))
    rules = sum(len(chain.rules) for chain in reached)
    deciding = _distinct(chain for found in dropping for chain in found) if blocks else chains
    return Inbound(
        blocks=blocks,
        enabled=rules > 0 or any(chain.policy == "drop" for chain in chains),
        chains=tuple(full_name(chain) for chain in deciding),
        rules=rules,
        logs_drops=any(rule.logs_drops for chain in reached for rule in chain.rules),
        fingerprint=fingerprint(reached),
    )


def fingerprint(chains: Sequence[Chain]) -> str:
    """A digest of chains and rules; the same for two devices with the same rules."""
    digest = blake2b(digest_size=16)
    for chain in chains:
        digest.update(f"{full_name(chain)}|{chain.hook}|{chain.priority}|{chain.policy}\n".encode())
        for rule in chain.rules:
            digest.update(f"{rule.text}\n".encode())
    return digest.hexdigest()


def full_name(chain: Chain) -> str:
    """`inet filter input`."""
    return f"{chain.family} {chain.table} {chain.name}"


_TABLES_OF: Final = {"ipv4": frozenset({"inet", "ip"}), "ipv6": frozenset({"inet", "ip6"})}


def _distinct(chains: Iterator[Chain]) -> tuple[Chain, ...]:
    return tuple({full_name(chain): chain for chain in chains}.values())


def _is_named(value: str, name: str) -> bool:
    """Whether `name` means `value`: itself, or its beginning and `*` or `+`."""
    if name.endswith(("*", "+")):
        return value.startswith(name[:-1])
    return value == name
