r"""vigie_win_management: who manages this Windows: a domain, Entra, an MDM.

osquery shows the registry, where the name of a domain outlives the membership and where enrolments
leave their keys behind. Windows itself says whether it is a member; an enrolment counts while the
account is there through which its MDM speaks. Names of domains and providers, never of people.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import (
    CIMV2,
    Reason,
    RegistryKey,
    Unread,
    WindowsSystem,
)

COLUMNS: Final = (
    text("part", "directory or mdm"),
    text("kind", "active_directory, entra, entra_registration (by a person) or mdm"),
    text("name", "The domain, the tenant's number, or the MDM; empty without one"),
    integer("managed", "It manages this device now"),
    text("state", "How it is known, or what is missing"),
    *COLLECTED,
)
"""At least one row each for the domain, Entra and the MDM."""

_ENROLMENTS: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Enrollments"
_ACCOUNTS: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Provisioning\OMADM\Accounts"
_JOIN: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo"
_PEOPLE: Final = "HKEY_USERS"
_REGISTERED: Final = r"Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo"
_ENROLLED: Final = 1
_WINDOWS_OWN: Final = frozenset({"local_management", "wmi_bridge_server", "wmi_bridge_sccm_server"})
"""Providers through which Windows manages itself; nobody else speaks there."""


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_management",
            COLUMNS,
            lambda _request: _rows(host.windows),
            platforms=frozenset({"windows"}),
            description="Who manages this device: a domain, Entra, an MDM",
        ),
    )


def _rows(windows: WindowsSystem) -> Iterator[TableRow]:
    yield _domain(windows)
    yield from _tenants(windows)
    yield from _registrations(windows)
    yield from _mdm(windows)


def _domain(windows: WindowsSystem) -> TableRow:
    known = {"part": "directory", "kind": "active_directory"}
    found = windows.wmi(CIMV2, "SELECT PartOfDomain, Domain FROM Win32_ComputerSystem")
    if isinstance(found, Unread):
        return not_collected(found.why("whether this device is member of a domain"), **known)
    if not found or not isinstance(found[0]["PartOfDomain"], bool):
        return not_collected("Windows does not say whether it is member of a domain", **known)
    member = found[0]["PartOfDomain"]
    return collected(
        **known,
        name=str(found[0]["Domain"] or "").lower() if member else "",
        managed=int(member),
        state="member" if member else "workgroup",
    )


def _tenants(windows: WindowsSystem) -> Iterator[TableRow]:
    found = _values_below(windows, _JOIN, "TenantId")
    if isinstance(found, Unread):
        yield not_collected(
            found.why("whether this device joined Entra"), part="directory", kind="entra"
        )
        return
    for tenant in found:
        yield collected(part="directory", kind="entra", name=tenant, managed=1, state="joined")
    if not found:
        yield collected(part="directory", kind="entra", managed=0, state="not joined")


def _registrations(windows: WindowsSystem) -> Iterator[TableRow]:
    """Of those who are logged on: the hives of the others are closed. None is no answer."""
    people = windows.registry(_PEOPLE)
    names = people.subkeys if isinstance(people, RegistryKey) else ()
    tenants = dict[str, None]()
    for sid in names:
        if sid.startswith("S-1-") and not sid.lower().endswith("_classes"):
            found = _values_below(windows, rf"{_PEOPLE}\{sid}\{_REGISTERED}", "TenantId")
            tenants |= dict.fromkeys(() if isinstance(found, Unread) else found)
    for tenant in tenants:
        yield collected(
            part="directory",
            kind="entra_registration",
            name=tenant,
            managed=0,
            state="a person registered this device",
        )


def _mdm(windows: WindowsSystem) -> Iterator[TableRow]:
    enrolments, accounts = windows.registry(_ENROLMENTS), windows.registry(_ACCOUNTS)
    for each in (enrolments, accounts):
        if isinstance(each, Unread) and each.reason is not Reason.ABSENT:
            yield not_collected(each.why("the enrolments with an MDM"), part="mdm", kind="mdm")
            return
    speaking = {name.lower() for name in _subkeys(accounts)}
    told = dict[str, bool]()
    for name in _subkeys(enrolments):
        key = windows.registry(rf"{_ENROLMENTS}\{name}")
        if isinstance(key, Unread):
            if key.reason is not Reason.ABSENT:
                yield not_collected(key.why("an enrolment with an MDM"), part="mdm", kind="mdm")
                return
        elif provider := _provider(key):
            told[provider] = told.get(provider, False) or name.lower() in speaking
    for provider, in_force in told.items():
        state = "enrolled" if in_force else "left behind: the account of the MDM is gone"
        yield collected(part="mdm", kind="mdm", name=provider, managed=int(in_force), state=state)
    if not told:
        yield collected(part="mdm", kind="mdm", managed=0, state="not enrolled")


def _provider(key: RegistryKey) -> str:
    """Who manages by this enrolment; empty when it ended, or is one of Windows' own."""
    provider = key.text("ProviderID") or ""
    enrolled = key.number("EnrollmentState") == _ENROLLED
    return provider if enrolled and provider.lower() not in _WINDOWS_OWN else ""


def _values_below(windows: WindowsSystem, key: str, name: str) -> tuple[str, ...] | Unread:
    """The texts called `name` in the subkeys of `key`, each once; none where it is absent."""
    found = windows.registry(key)
    if isinstance(found, Unread):
        return () if found.reason is Reason.ABSENT else found
    texts = dict[str, None]()
    for subkey in found.subkeys:
        below = windows.registry(rf"{key}\{subkey}")
        if isinstance(below, Unread):
            if below.reason is Reason.ABSENT:
                continue
            return below
        if said := below.text(name):
            texts[said.lower()] = None
    return tuple(texts)


def _subkeys(key: RegistryKey | Unread) -> tuple[str, ...]:
    return key.subkeys if isinstance(key, RegistryKey) else ()
