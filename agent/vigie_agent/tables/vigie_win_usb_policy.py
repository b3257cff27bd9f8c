r"""vigie_win_usb_policy: what refuses USB storage on a Windows device.

Several policies can, each with a hole: a disk on UAS bypasses the USBSTOR driver, restrictions on
installing let in what was installed before, and an account's own policy holds for it alone.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_profiles import Profile, profiles, values_of
from vigie_agent.tables.windows_system import RegistryKey, Unread

COLUMNS: Final = (
    text("mechanism", "What decides: drivers, a policy, restrictions on installing, MDM"),
    integer("blocked", "It refuses USB storage to everybody"),
    text("detail", "Why, in words"),
    *COLLECTED,
)
"""One row for the drivers and one for the access policy; the others only where they are set."""

_SERVICES: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
_ACCESS: Final = r"Software\Policies\Microsoft\Windows\RemovableStorageDevices"
_INSTALL: Final = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions"
)
_KNOWN: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Enum\USBSTOR"
_MDM: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\Storage"
_REMOVABLE_DISKS: Final = "{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}"
_DISK_CLASS: Final = "{4d36e967-e325-11ce-bfc1-08002be10318}"
_DISABLED: Final = 4

_DRIVERS: Final = "USBSTOR and UASPStor drivers"
_POLICY: Final = "removable storage access policy"
_OF_ACCOUNTS: Final = "removable storage access policy of accounts"
_RESTRICTIONS: Final = "device installation restrictions"
_MANAGED: Final = "mobile device management: no writing"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_usb_policy",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="What refuses USB storage: drivers, policies, restrictions on installing",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    yield _drivers_row(host)
    yield _access_row(host)
    yield from _accounts_rows(host)
    yield from _restrictions_rows(host)
    yield from _managed_rows(host)


# --- Drivers --------------------------------------------------------------------------------------


def _drivers_row(host: Host) -> TableRow:
    """A driver without a key is one that this device lacks: nothing comes through it."""
    starts = {}
    for name in ("USBSTOR", "UASPStor"):
        key = values_of(host, f"{_SERVICES}\\{name}")
        if isinstance(key, Unread):
            return not_collected(key.why("the USB storage drivers"), mechanism=_DRIVERS)
        starts[name] = key.number("Start")
    if set(starts.values()) == {None}:
        return not_collected("the USB storage drivers: is not there", mechanism=_DRIVERS)
    open_ = [name for name, start in starts.items() if start is not None and start != _DISABLED]
    detail = f"{' and '.join(open_)} may start" if open_ else "both are disabled"
    return collected(mechanism=_DRIVERS, blocked=int(not open_), detail=detail)


# --- Who may read and write -----------------------------------------------------------------------


def _access_row(host: Host) -> TableRow:
    refused = _refused(host, "HKEY_LOCAL_MACHINE")
    if isinstance(refused, Unread):
        return not_collected(refused.why("the removable storage access policy"), mechanism=_POLICY)
    return collected(mechanism=_POLICY, blocked=int(_is_closed(refused)), detail=_words(refused))


def _accounts_rows(host: Host) -> Iterator[TableRow]:
    """The policies of accounts: they block when every profile of a person has one."""
    found = profiles(host)
    if isinstance(found, Unread):
        yield not_collected(found.why("the profiles of this device"), mechanism=_OF_ACCOUNTS)
        return
    refused = [_refused(host, f"HKEY_USERS\\{profile.sid}") for profile in found if profile.hive]
    read = [one for one in refused if not isinstance(one, Unread)]
    closed = [one for one in read if _is_closed(one)]
    if not any(read):
        return  # no account that is logged on has such a policy
    yield collected(
        mechanism=_OF_ACCOUNTS,
        blocked=int(len(closed) == len(found)),
        detail=_extent(found, closed),
    )


def _extent(found: Sequence[Profile], closed: Sequence[frozenset[str]]) -> str:
    away = sum(not profile.hive for profile in found)
    said = f"refuses {len(closed)} of {len(found)} accounts"
    return f"{said}; {away} not logged on, not read" if away else said


def _refused(host: Host, root: str) -> frozenset[str] | Unread:
    """What the access policy below `root` refuses: all, read, write."""
    everything = values_of(host, f"{root}\\{_ACCESS}")
    disks = values_of(host, f"{root}\\{_ACCESS}\\{_REMOVABLE_DISKS}")
    if isinstance(everything, Unread):
        return everything
    if isinstance(disks, Unread):
        return disks
    return refusals(everything, disks)


def refusals(everything: RegistryKey, disks: RegistryKey) -> frozenset[str]:
    """What the two keys refuse: `all`, or `read` and `write` of removable disks."""
    found = {"all"} if everything.number("Deny_All") == 1 else set[str]()
    for name in ("read", "write"):
        if disks.number(f"Deny_{name}") == 1:
            found.add(name)
    return frozenset(found)


def _is_closed(refused: frozenset[str]) -> bool:
    return "all" in refused or refused >= {"read", "write"}


def _words(refused: frozenset[str]) -> str:
    if "all" in refused:
        return "refuses every removable storage"
    return f"refuses to {' and to '.join(sorted(refused))}" if refused else "is not set"


# --- Installing, and management -------------------------------------------------------------------


def _restrictions_rows(host: Host) -> Iterator[TableRow]:
    keys = [values_of(host, key) for key in (_INSTALL, f"{_INSTALL}\\DenyDeviceClasses", _KNOWN)]
    for key in keys:
        if isinstance(key, Unread):
            yield not_collected(
                key.why("the device installation restrictions"), mechanism=_RESTRICTIONS
            )
            return
    settings, classes, known = (key for key in keys if isinstance(key, RegistryKey))
    found = restriction(settings, classes)
    if found is Restriction.NONE:
        return
    holes = 0 if found is Restriction.RETROACTIVE else len(known.subkeys)
    yield collected(
        mechanism=_RESTRICTIONS,
        blocked=int(not holes),
        detail=f"refuses new devices; {holes} known before go on working"
        if holes
        else "refuses every device",
    )


class Restriction(Enum):
    """Whether storage may be installed."""

    NONE = "none"
    NEW_ONES = "new ones"  # what was plugged in before keeps working
    RETROACTIVE = "retroactive"


def restriction(settings: RegistryKey, classes: RegistryKey) -> Restriction:
    """What the policy refuses to install of storage: removable devices, or the class of disks."""
    refuses_disks = settings.number("DenyDeviceClasses") == 1 and any(
        isinstance(value, str) and value.lower().rstrip("\0") == _DISK_CLASS
        for value in classes.values.values()
    )
    if refuses_disks and settings.number("DenyDeviceClassesRetroactive") == 1:
        return Restriction.RETROACTIVE
    if refuses_disks or settings.number("DenyRemovableDevices") == 1:
        return Restriction.NEW_ONES
    return Restriction.NONE


def _managed_rows(host: Host) -> Iterator[TableRow]:
    key = values_of(host, _MDM)
    if isinstance(key, Unread):
        yield not_collected(key.why("the settings of device management"), mechanism=_MANAGED)
    elif key.has("RemovableDiskDenyWriteAccess"):
        refused = key.number("RemovableDiskDenyWriteAccess") == 1
        detail = "refuses to write, not to read" if refused else "is set to allow"
        yield collected(mechanism=_MANAGED, blocked=0, detail=detail)
