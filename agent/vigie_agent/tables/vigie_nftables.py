"""vigie_nftables and vigie_inbound_filter: what the kernel's packet filter does (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

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
    text("read_with", "nft or iptables-save"),
    *COLLECTED,
)
"""vigie_inbound_filter: always two rows, ipv4 and ipv6."""
