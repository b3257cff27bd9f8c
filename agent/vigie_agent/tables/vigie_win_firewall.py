r"""vigie_win_firewall: the profiles of the Windows firewall as they are in force.

The firewall is asked for its active store, where group policy and device management have won over
what the device set itself. Where it does not answer, the registry is read in the same order, and
`origin` says whose word counted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_number, as_text, wql
from vigie_agent.tables.windows_firewall_rules import (
    PROFILES,
    FirewallRule,
    active_rules,
    digest,
)
from vigie_agent.tables.windows_profiles import values_of
from vigie_agent.tables.windows_system import STANDARD_CIMV2, RegistryKey, Unread, WmiRow

COLUMNS: Final = (
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
"""One row a profile."""

_QUESTION: Final = wql("Name, Enabled, DefaultInboundAction, LogBlocked", "MSFT_NetFirewallProfile")
_ACTIVE: Final = {"PolicyStore": "ActiveStore"}
_ON: Final = 1
_OFF: Final = 0
_ALLOW: Final = 2

_LOCAL: Final = (
    r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
)
_MDM: Final = rf"{_LOCAL}\Mdm"
_POLICY: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall"
_SOURCES: Final = (("policy", _POLICY), ("mdm", _MDM), ("local", _LOCAL))
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "domain": ("DomainProfile",),
    "private": ("PrivateProfile", "StandardProfile"),  # its old name, and still the local one
    "public": ("PublicProfile",),
}


class Profile(NamedTuple):
    """A profile in force; `enabled` is None where nobody says."""

    origin: str
    enabled: bool | None
    blocks: bool
    logs_drops: bool


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_firewall",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="The profiles of the Windows firewall as they are in force",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    live = host.windows.wmi(STANDARD_CIMV2, _QUESTION, context=_ACTIVE)
    answered = {} if isinstance(live, Unread) else live_profiles(live)
    rules = {name: _rules(host, root) for name, root in _SOURCES}
    for name in PROFILES:
        profile = answered.get(name) or _written_profile(host, name)
        if isinstance(profile, Unread) or profile.enabled is None:
            yield not_collected("the settings of the firewall could not be read", profile=name)
            continue
        merges = _merges(host, name)
        yield collected(
            profile=name,
            origin=profile.origin,
            enabled=int(profile.enabled),
            inbound_default="block" if profile.enabled and profile.blocks else "allow",
            logs_drops=int(profile.logs_drops),
            local_rules=int(merges),
            **_summed(rules, name, merges=merges),
        )


# --- Profiles -------------------------------------------------------------------------------------


def live_profiles(rows: Iterable[WmiRow]) -> Mapping[str, Profile]:
    """The profiles of the active store; one that does not say whether it is on is left out."""
    found = {}
    for row in rows:
        name, enabled = as_text(row["Name"]).lower(), as_number(row["Enabled"])
        if name in PROFILES and enabled in {_ON, _OFF}:
            found[name] = Profile(
                "live",
                enabled == _ON,
                as_number(row["DefaultInboundAction"]) != _ALLOW,
                as_number(row["LogBlocked"]) == _ON,
            )
    return found


def _written_profile(host: Host, name: str) -> Profile | Unread:
    """What the registry says: of each setting the first source that has it."""
    settings: list[tuple[str, RegistryKey, RegistryKey]] = []
    for origin, root in _SOURCES:
        for folder in _KEYS[name]:
            key = values_of(host, f"{root}\\{folder}")
            logging = values_of(host, f"{root}\\{folder}\\Logging")
            if isinstance(key, Unread):
                return key
            if isinstance(logging, Unread):
                return logging
            settings.append((origin, key, logging))
    on = next(
        ((origin, found) for origin, key, _ in settings if (found := _of(key, "EnableFirewall"))),
        None,
    )
    inbound = [found for _, key, _ in settings if (found := _of(key, "DefaultInboundAction"))]
    logs = [found for _, _, key in settings if (found := _of(key, "LogDroppedPackets"))]
    return Profile(
        on[0] if on else "",
        on[1].number != 0 if on else None,
        inbound[0].number != 0 if inbound else True,
        logs[0].number != 0 if logs else False,
    )


class _Said(NamedTuple):
    number: int


def _of(key: RegistryKey, name: str) -> _Said | None:
    number = key.number(name)
    return None if number is None else _Said(number)


# --- Rules ----------------------------------------------------------------------------------------


def _rules(host: Host, root: str) -> Sequence[FirewallRule] | Unread:
    key = values_of(host, f"{root}\\FirewallRules")
    if isinstance(key, Unread):
        return key
    return active_rules(value for value in key.values.values() if isinstance(value, str))


def _merges(host: Host, name: str) -> bool:
    """Whether the device's own rules count: unless a policy says that its rules alone do."""
    keys = [values_of(host, f"{_POLICY}\\{folder}") for folder in _KEYS[name]]
    return not any(
        isinstance(key, RegistryKey) and key.number("AllowLocalPolicyMerge") == 0 for key in keys
    )


def _summed(
    rules: Mapping[str, Sequence[FirewallRule] | Unread], profile: str, *, merges: bool
) -> Mapping[str, str | int | None]:
    """How many rules hold in a profile, and their digest; neither when some are out of sight."""
    counted: list[FirewallRule] = []
    for source, found in rules.items():
        if source == "local" and not merges:
            continue
        if isinstance(found, Unread):
            return {"rules": None, "fingerprint": ""}
        counted += [rule for rule in found if rule.holds_in(profile)]
    return {"rules": len(counted) or None, "fingerprint": digest(counted)}
