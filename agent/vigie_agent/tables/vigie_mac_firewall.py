"""vigie_mac_application_firewall, vigie_mac_packet_filter: what a Mac lets in (macOS).

The application firewall is asked through its own tool: from macOS 15 its property list is gone. Its
words differ between releases, the number of its state does not. `pf` answers root only.
"""

import re
from hashlib import sha256
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import PFCTL, SOCKETFILTERFW, Unanswered, answer, read_answer

APPLICATION_COLUMNS: Final = (
    integer("enabled", "The application firewall filters"),
    integer("block_all", "It refuses every inbound connection that the system does not need"),
    integer("stealth", "The Mac does not answer probes; NULL when not known"),
    integer("logging", "What it refuses is logged; NULL when this release does not say"),
    *COLLECTED,
)
"""One row."""

PACKET_COLUMNS: Final = (
    integer("enabled", "pf filters"),
    integer("rules", "Rules of the main rule set, without the anchors"),
    integer("blocks_inbound", "One of them refuses all inbound packets"),
    integer("logs_drops", "A rule that refuses also logs"),
    text("fingerprint", "SHA-256 of the main rule set"),
    *COLLECTED,
)
"""One row."""

_DARWIN: Final = frozenset({"darwin"})
_STATE: Final = re.compile(r"\(\s*state\s*=\s*(\d)\s*\)", re.IGNORECASE)
_STATUS: Final = re.compile(r"^status:\s*(enabled|disabled)", re.IGNORECASE | re.MULTILINE)
_YES: Final = re.compile(r"\b(?:enabled|on)\b", re.IGNORECASE)
_NO: Final = re.compile(r"\b(?:disabled|off)\b", re.IGNORECASE)
_BLOCK_ALL: Final = re.compile(
    r"^block\s+(?:drop\s+|return\s+|log\s+)*(?:in\s+)?(?:log\s+)?(?:quick\s+)?all\b"
)
_ANCHORS: Final = ("anchor", "scrub-anchor", "nat-anchor", "rdr-anchor", "dummynet-anchor")


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_mac_application_firewall",
            APPLICATION_COLUMNS,
            lambda _request: [_application(host)],
            platforms=_DARWIN,
            description="The application firewall of macOS",
        ),
        Table(
            "vigie_mac_packet_filter",
            PACKET_COLUMNS,
            lambda _request: [_packet_filter(host)],
            platforms=_DARWIN,
            description="The packet filter pf: its switch and its main rule set",
        ),
    )


def global_state(said: str) -> bool | None:
    """Whether the firewall is on, in the words of `--getglobalstate`; None when it does not say."""
    if found := _STATE.search(said):
        return found[1] in {"1", "2"} if found[1] in {"0", "1", "2"} else None
    return switch(said)


def switch(said: str) -> bool | None:
    """Yes for enabled or on, no for disabled or off, None for both or neither."""
    yes, no = bool(_YES.search(said)), bool(_NO.search(said))
    return yes if yes != no else None


def packet_rules(said: str) -> tuple[str, ...]:
    """The rules in what `pfctl -s rules` printed, without what only opens an anchor."""
    lines = (line.strip() for line in said.splitlines())
    return tuple(line for line in lines if line and not line.startswith(_ANCHORS))


def blocks_inbound(rules: tuple[str, ...]) -> bool:
    """Whether a rule refuses everything that comes in, whatever its address."""
    return any(_BLOCK_ALL.match(rule) for rule in rules)


def _application(host: Host) -> TableRow:
    try:
        enabled = read_answer(host, global_state, SOCKETFILTERFW, "--getglobalstate")
    except Unanswered as why:
        return not_collected(str(why))
    return collected(
        enabled=int(enabled),
        block_all=_option(host, "--getblockall"),
        stealth=_option(host, "--getstealthmode"),
        logging=_option(host, "--getloggingmode"),
    )


def _option(host: Host, name: str) -> int | None:
    try:
        return int(read_answer(host, switch, SOCKETFILTERFW, name))
    except Unanswered:
        return None


def _packet_filter(host: Host) -> TableRow:
    try:
        status = read_answer(host, _STATUS.search, PFCTL, "-s", "info")
        rules = packet_rules(answer(host, PFCTL, "-s", "rules"))
    except Unanswered as why:
        return not_collected(str(why))
    return collected(
        enabled=int(status[1].lower() == "enabled"),
        rules=len(rules),
        blocks_inbound=int(blocks_inbound(rules)),
        logs_drops=int(any(rule.startswith("block") and " log " in f"{rule} " for rule in rules)),
        fingerprint=sha256("\n".join(rules).encode()).hexdigest(),
    )
