r"""The Windows firewall as it is in force: its profiles, and the rules that count in each.

The firewall is asked for its active store, where group policy and device management have won over
what the device set itself. Where it does not answer, the registry is read in the same order, and
`origin` says whose word counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_number, as_text, product_state, wql
from vigie_agent.tables.windows_firewall_rules import PROFILES, FirewallRule, active_rules
from vigie_agent.tables.windows_profiles import values_of
from vigie_agent.tables.windows_system import (
    SECURITY_CENTER,
    STANDARD_CIMV2,
    RegistryKey,
    Unread,
    WmiRow,
)

_QUESTION: Final = wql(
    "Name, Enabled, DefaultInboundAction, AllowInboundRules, LogBlocked", "MSFT_NetFirewallProfile"
)
_OTHERS: Final = wql("productState", "FirewallProduct")
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
    """A profile in force. `shut`: no rule lets anything in."""

    origin: str
    enabled: bool
    blocks: bool
    shut: bool
    logs_drops: bool


def profiles_in_force(host: Host) -> Mapping[str, Profile]:
    """The profiles by name; one that nobody tells is left out."""
    live = host.windows.wmi(STANDARD_CIMV2, _QUESTION, context=_ACTIVE)
    answered = {} if isinstance(live, Unread) else live_profiles(live)
    written = {
        name: profile
        for name in PROFILES
        if name not in answered and (profile := _written_profile(host, name)) is not None
    }
    return {**answered, **written}


def another_filters(host: Host) -> bool:
    """Whether another firewall says that it is on: Windows' own then leaves filtering to it."""
    found = host.windows.wmi(SECURITY_CENTER, _OTHERS)
    numbers = [] if isinstance(found, Unread) else [as_number(row["productState"]) for row in found]
    return any(number is not None and product_state(number) == "on" for number in numbers)


def rules_by_source(host: Host) -> Mapping[str, Sequence[FirewallRule] | Unread]:
    """The rules that are switched on, by whose they are."""
    return {name: _rules(host, root, always=name == "local") for name, root in _SOURCES}


def rules_in_force(
    rules: Mapping[str, Sequence[FirewallRule] | Unread], name: str, *, merges: bool
) -> Sequence[FirewallRule] | Unread:
    """Those that count in a profile; the device's own do not where a policy's alone do."""
    counted: list[FirewallRule] = []
    for source, found in rules.items():
        if source == "local" and not merges:
            continue
        if isinstance(found, Unread):
            return found
        counted += [rule for rule in found if rule.holds_in(name)]
    return counted


def merges_local_rules(host: Host, name: str) -> bool:
    """Whether the device's own rules count: unless a policy says that its rules alone do."""
    keys = [values_of(host, f"{_POLICY}\\{folder}") for folder in _KEYS[name]]
    return not any(
        isinstance(key, RegistryKey) and key.number("AllowLocalPolicyMerge") == 0 for key in keys
    )


def live_profiles(rows: Iterable[WmiRow]) -> Mapping[str, Profile]:
    """The profiles of the active store; one that does not say whether it is on is left out."""
    found = {}
    for row in rows:
        name, enabled = as_text(row["Name"]).lower(), as_number(row["Enabled"])
        if name in PROFILES and enabled in {_ON, _OFF}:
            found[name] = Profile(
                origin="live",
                enabled=enabled == _ON,
                blocks=as_number(row["DefaultInboundAction"]) != _ALLOW,
                shut=as_number(row["AllowInboundRules"]) == _OFF,
                logs_drops=as_number(row["LogBlocked"]) == _ON,
            )
    return found


def _written_profile(host: Host, name: str) -> Profile | None:
    """What the registry says: of each setting the first source that has it."""
    settings: list[tuple[str, RegistryKey, RegistryKey]] = []
    for origin, root in _SOURCES:
        for folder in _KEYS[name]:
            key = values_of(host, f"{root}\\{folder}")
            logging = values_of(host, f"{root}\\{folder}\\Logging")
            if isinstance(key, Unread) or isinstance(logging, Unread):
                return None
            settings.append((origin, key, logging))
    keys = [key for _, key, _ in settings]
    enabled = _first(keys, "EnableFirewall")
    if enabled is None:
        return None
    return Profile(
        origin=next(
            origin for origin, key, _ in settings if _first([key], "EnableFirewall") is not None
        ),
        enabled=enabled != 0,
        blocks=_first(keys, "DefaultInboundAction") != 0,
        shut=_first(keys, "DoNotAllowExceptions") == 1,
        logs_drops=(_first([logging for _, _, logging in settings], "LogDroppedPackets") or 0) != 0,
    )


def _first(keys: Iterable[RegistryKey], name: str) -> int | None:
    """The setting's number in the first key that has it."""
    return next((number for key in keys if (number := key.number(name)) is not None), None)


def _rules(host: Host, root: str, *, always: bool) -> Sequence[FirewallRule] | Unread:
    """The rules of one source. The device's own are `always` there: without them we are blind."""
    name = f"{root}\\FirewallRules"
    key = host.windows.registry(name) if always else values_of(host, name)
    if isinstance(key, Unread):
        return key
    return active_rules(value for value in key.values.values() if isinstance(value, str))
