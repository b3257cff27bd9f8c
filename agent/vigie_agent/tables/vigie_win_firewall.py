"""vigie_win_firewall, vigie_win_openings: the Windows firewall, and whom it lets in to shares."""

from collections.abc import Iterator, Sequence
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_firewall import (
    Profile,
    another_filters,
    merges_local_rules,
    profiles_in_force,
    rules_by_source,
    rules_in_force,
)
from vigie_agent.tables.windows_firewall_rules import PROFILES, FirewallRule, digest, way_in
from vigie_agent.tables.windows_system import Unread

PROFILE_COLUMNS: Final = (
    text("profile", "domain, private or public"),
    text("origin", "live (the active store), or whose setting counted: policy, mdm, local"),
    integer("enabled", "The profile filters"),
    text("inbound_default", "What becomes of an inbound connection that no rule allows"),
    integer("logs_drops", "Dropped flows are logged"),
    integer("local_rules", "Rules that the device set itself count beside those of a policy"),
    integer("rules", "Number of rules that hold in it; NULL when they cannot be read"),
    text("fingerprint", "Digest of those rules, to compare devices of a group"),
    *COLLECTED,
)
"""vigie_win_firewall: one row a profile."""

OPENING_COLUMNS: Final = (
    text("profile", "domain, private or public"),
    integer("port", "TCP port on which Windows itself shares files: 139 or 445"),
    text("way_in", "any: neighbours come in; other: addresses that a rule names; none"),
    *COLLECTED,
)
"""vigie_win_openings: one row a profile and port. These ports always listen on Windows: whether
files are shared with neighbours is the firewall's to say."""

SHARING_PORTS: Final = (139, 445)

_WINDOWS: Final = frozenset({"windows"})
_UNREAD: Final = "the settings of the firewall could not be read"
_REPLACED: Final = "another firewall filters in the place of Windows', and its rules are not read"


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_win_firewall",
            PROFILE_COLUMNS,
            lambda _request: _profiles(host),
            platforms=_WINDOWS,
            description="The profiles of the Windows firewall as they are in force",
        ),
        Table(
            "vigie_win_openings",
            OPENING_COLUMNS,
            lambda _request: _openings(host),
            platforms=_WINDOWS,
            description="Whom the Windows firewall lets in to the ports of file sharing",
        ),
    )


def _profiles(host: Host) -> Iterator[TableRow]:
    profiles, rules = profiles_in_force(host), rules_by_source(host)
    for name in PROFILES:
        profile = profiles.get(name)
        if profile is None:
            yield not_collected(_UNREAD, profile=name)
            continue
        merges = merges_local_rules(host, name)
        counted = rules_in_force(rules, name, merges=merges)
        yield collected(
            profile=name,
            origin=profile.origin,
            enabled=int(profile.enabled),
            inbound_default="block" if profile.enabled and profile.blocks else "allow",
            logs_drops=int(profile.logs_drops),
            local_rules=int(merges),
            rules=None if isinstance(counted, Unread) else len(counted) or None,
            fingerprint="" if isinstance(counted, Unread) else digest(counted),
        )


def _openings(host: Host) -> Iterator[TableRow]:
    profiles, rules = profiles_in_force(host), rules_by_source(host)
    for name in PROFILES:
        profile = profiles.get(name)
        counted = rules_in_force(rules, name, merges=merges_local_rules(host, name))
        if profile is None:
            yield not_collected(_UNREAD, profile=name)
        elif not profile.enabled and another_filters(host):
            yield not_collected(_REPLACED, profile=name)
        elif not profile.enabled or not isinstance(counted, Unread):
            for port in SHARING_PORTS:
                found = _way_in(profile, () if isinstance(counted, Unread) else counted, port)
                yield collected(profile=name, port=port, way_in=found)
        else:
            yield not_collected(counted.why("the rules of the firewall"), profile=name)


def _way_in(profile: Profile, rules: Sequence[FirewallRule], port: int) -> str:
    """Whom a profile lets in: without a filter everybody, with its door shut nobody."""
    if not profile.enabled:
        return "any"
    if profile.shut:
        return "none"
    return way_in(rules, port, default="none" if profile.blocks else "any")
