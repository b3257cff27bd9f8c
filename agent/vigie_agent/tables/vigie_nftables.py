"""vigie_nftables and vigie_inbound_filter: what the kernel's packet filter does (Linux)."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.live_rules import live_nftables, live_rules
from vigie_agent.tables.netfilter_socket import DumpChains, dump_chains
from vigie_agent.tables.packet_filter import (
    Action,
    Chain,
    Inbound,
    Packet,
    Ruleset,
    fingerprint,
    inbound,
)

CHAIN_COLUMNS: Final = (
    text("family", "inet, ip, ip6, bridge, arp or netdev"),
    text("table_name", "Table of the ruleset"),
    text("chain", "Base chain"),
    text("type", "filter, nat or route"),
    text("hook", "input, forward, output, prerouting, postrouting, ingress"),
    integer("priority", "Order among the chains of a hook"),
    text("policy", "accept or drop: the chain's own default"),
    text("default_verdict", "accept or drop: what becomes of a new packet that no rule allows"),
    integer("rules", "Rules of the chain and of the chains it leads to"),
    integer("logs_drops", "It logs packets that it does not accept"),
    text("digest", "Of its rules without counters and handles, to compare devices"),
    *COLLECTED,
)
"""vigie_nftables: one row a base chain; no row when the ruleset is empty."""

INBOUND_COLUMNS: Final = (
    text("protocol", "ipv4 or ipv6"),
    integer("enabled", "At least one rule or a dropping policy stands on the way in"),
    text("inbound_default", "block or allow: a new inbound connection that no rule allows"),
    text("decided_by", "The chains that block it, or that were asked"),
    integer("rules", "Rules on the way in"),
    integer("logs_drops", "Refused packets are logged"),
    text("fingerprint", "Digest of the rules on the way in"),
    text("read_with", "nft, iptables-save, or the kernel's list of chains"),
    *COLLECTED,
)
"""vigie_inbound_filter: always two rows, ipv4 and ipv6. Legacy iptables counts too."""

_LINUX: Final = frozenset({"linux"})
_FAMILIES: Final = ("ipv4", "ipv6")
_INTERFACES: Final = "/sys/class/net"
_ANY_INTERFACE: Final = ("vigie0",)
"""A name that no rule mentions, for a machine whose interfaces are all virtual."""


def tables(host: Host, dump: DumpChains = dump_chains) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_nftables",
            CHAIN_COLUMNS,
            lambda _request: _chain_rows(host, dump),
            platforms=_LINUX,
            description="Base chains of the nftables ruleset in force, iptables-nft included",
        ),
        Table(
            "vigie_inbound_filter",
            INBOUND_COLUMNS,
            lambda _request: _inbound_rows(host, dump),
            platforms=_LINUX,
            description="What becomes of a new inbound connection that no rule allows",
        ),
    )


def _chain_rows(host: Host, dump: DumpChains) -> Iterator[TableRow]:
    live = live_nftables(host, dump)
    if live.why:
        yield not_collected(live.why)
    for ruleset in live.rulesets:
        for chain in ruleset.base_chains:
            yield _chain_row(ruleset, chain, physical_interfaces(host))


def _chain_row(ruleset: Ruleset, chain: Chain, interfaces: tuple[str, ...]) -> TableRow:
    reached = ruleset.reached(chain)
    families = ("ipv6",) if chain.family == "ip6" else _FAMILIES
    packets = [
        Packet(family, protocol, name)
        for family in families
        for protocol in ("tcp", "udp")
        for name in interfaces
    ]
    drops = all(ruleset.fate(chain, packet) is Action.DROP for packet in packets)
    return collected(
        family=chain.family,
        table_name=chain.table,
        chain=chain.name,
        type=chain.type,
        hook=chain.hook,
        priority=chain.priority,
        policy=chain.policy,
        default_verdict=(Action.DROP if drops else Action.ACCEPT).value,
        rules=sum(len(one.rules) for one in reached),
        logs_drops=int(any(rule.logs_drops for one in reached for rule in one.rules)),
        digest=fingerprint(reached),
    )


def _inbound_rows(host: Host, dump: DumpChains) -> Iterator[TableRow]:
    live = live_rules(host, dump)
    for family in _FAMILIES:
        if live.why:
            yield not_collected(live.why, protocol=family)
            continue
        found = [inbound(ruleset, family, physical_interfaces(host)) for ruleset in live.rulesets]
        yield _inbound_row(family, found, live.read_with)


def _inbound_row(family: str, found: list[Inbound], read_with: str) -> TableRow:
    blocks = any(one.blocks for one in found)
    deciding = [one for one in found if one.blocks] if blocks else found
    return collected(
        protocol=family,
        enabled=int(any(one.enabled for one in found)),
        inbound_default="block" if blocks else "allow",
        decided_by=", ".join(name for one in deciding for name in one.chains),
        rules=sum(one.rules for one in found),
        logs_drops=int(any(one.logs_drops for one in found)),
        fingerprint="-".join(one.fingerprint for one in found if one.chains),
        read_with=read_with,
    )


def physical_interfaces(host: Host) -> tuple[str, ...]:
    """The network interfaces that are hardware (also a virtual machine's), else a stand-in."""
    try:
        names = sorted(item.name for item in host.path(_INTERFACES).iterdir())
    except OSError:
        names = []
    physical = tuple(name for name in names if is_there(host, f"{_INTERFACES}/{name}/device"))
    return physical or _ANY_INTERFACE
