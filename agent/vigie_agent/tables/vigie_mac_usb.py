"""vigie_mac_usb_storage, vigie_mac_usb_policy: USB storage on a Mac, and what refuses it (macOS).

The class of storage stands at a device's interfaces, which osquery does not read; the registry of
drivers (`ioreg`) has them, on every release: the report of the system profiler changed its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    IOREG,
    PROFILES,
    Unanswered,
    answer,
    dictionaries,
    dictionary,
    flag_of,
    number_of,
    plist_in,
    read_answer,
    text_of,
)
from vigie_agent.tables.mac_settings import DISK_ACCESS, MEDIA, managed, release

STORAGE_COLUMNS: Final = (
    text("vendor", "Vendor, or its USB number when the device gives no name"),
    text("model", "Product, or its USB number when the device gives no name"),
    text("serial", "Serial number, empty when the device has none"),
    integer("builtin", "It is part of the Mac: a card reader"),
    text("device", "Disks of its media, comma separated; empty when no medium is in it"),
    *COLLECTED,
)
"""One row a USB device that has an interface of mass storage."""

POLICY_COLUMNS: Final = (
    text(
        "mechanism", "Domain and key of a profile, or `configuration profiles` when none is found"
    ),
    integer("blocked", "This mechanism refuses USB storage"),
    *COLLECTED,
)
"""One row a restriction that a profile sets; one that says so when there is none."""

_DARWIN: Final = frozenset({"darwin"})
_MASS_STORAGE: Final = 8
_DEVICE_CLASSES: Final = frozenset({"IOUSBHostDevice", "IOUSBDevice"})
_FIRST_DECLARED: Final = 15
"""From this release on a declaration of the management server may restrict external storage, and
leaves no file that is documented."""
_HIDDEN: Final = "a managed Mac does not show what its management server declares about storage"


@dataclass(slots=True)
class _Found:
    """A device while its branch of the registry is walked."""

    node: Mapping[str, object]
    stores: bool = False
    media: list[str] = field(default_factory=list)


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_mac_usb_storage",
            STORAGE_COLUMNS,
            lambda _request: list(_storage(host)),
            platforms=_DARWIN,
            description="USB mass storage attached now",
        ),
        Table(
            "vigie_mac_usb_policy",
            POLICY_COLUMNS,
            lambda _request: list(_policy(host)),
            platforms=_DARWIN,
            description="What refuses external storage: configuration profiles",
        ),
    )


def storage_in(registry: object) -> list[TableRow]:
    """The devices that store, in the property list that `ioreg` printed of USB devices."""
    devices: dict[int, _Found] = {}
    waiting: list[tuple[Mapping[str, object], _Found | None]] = [
        (node, None) for node in dictionaries(registry)
    ]
    while waiting:
        node, above = waiting.pop()
        kind = text_of(node.get("IOObjectClass"))
        device = above
        if kind in _DEVICE_CLASSES or "bDeviceClass" in node:
            place = number_of(node.get("locationID"))
            device = devices.setdefault(id(node) if place is None else place, _Found(node))
        elif device is not None and number_of(node.get("bInterfaceClass")) == _MASS_STORAGE:
            device.stores = True
        elif device is not None and kind == "IOMedia" and flag_of(node.get("Whole")):
            device.media.append(text_of(node.get("BSD Name")))
        children = dictionaries(node.get("IORegistryEntryChildren"))
        waiting += [(child, device) for child in children]
    rows = [_row(found) for found in devices.values() if found.stores]
    return sorted(rows, key=lambda row: (str(row["vendor"]), str(row["model"]), str(row["serial"])))


def media_policy(settings: Mapping[str, object]) -> bool | None:
    """Whether the media controls of a profile refuse external disks; None when they set nothing."""
    controls = dictionary(settings.get("mount-controls"))
    if not controls:
        return None
    actions = controls.get("harddisk-external")
    listed = actions if isinstance(actions, list) else [actions]
    return "deny" in {text_of(action) for action in listed}


def enrolled(said: str) -> bool | None:
    """Whether `profiles status` says that a server manages this Mac; None when it does not say."""
    for line in said.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "mdm enrollment":
            return flag_of(value.strip().partition(" ")[0])
    return None


def _row(found: _Found) -> TableRow:
    node = found.node
    return collected(
        vendor=_name(node, "USB Vendor Name", "kUSBVendorString", "idVendor"),
        model=_name(node, "USB Product Name", "kUSBProductString", "idProduct"),
        serial=text_of(node.get("USB Serial Number"))
        or text_of(node.get("kUSBSerialNumberString")),
        builtin=int(bool(flag_of(node.get("Built-In")) or flag_of(node.get("non-removable")))),
        device=", ".join(sorted(f"/dev/{name}" for name in set(found.media) if name)),
    )


def _name(node: Mapping[str, object], key: str, other: str, number: str) -> str:
    named = text_of(node.get(key)) or text_of(node.get(other))
    value = number_of(node.get(number))
    return named or ("" if value is None else f"{value:04x}")


def _storage(host: Host) -> Iterator[TableRow]:
    try:
        printed = answer(host, IOREG, "-a", "-l", "-w", "0", "-r", "-c", "IOUSBHostDevice")
    except Unanswered as why:
        yield not_collected(str(why))
        return
    registry = plist_in(printed) if printed.strip() else []
    if not isinstance(registry, list):
        yield not_collected("ioreg answered what could not be understood")
        return
    yield from storage_in(registry)


def _policy(host: Host) -> Iterator[TableRow]:
    try:
        found = dict(_restrictions(host))
        hidden = not any(found.values()) and _may_hide_more(host)
    except Unanswered as why:
        yield not_collected(str(why))
        return
    for mechanism, blocked in found.items():
        yield collected(mechanism=mechanism, blocked=int(blocked))
    if hidden:
        yield not_collected(_HIDDEN)
    elif not found:
        yield collected(mechanism="configuration profiles", blocked=0)


def _restrictions(host: Host) -> Iterator[tuple[str, bool]]:
    media = media_policy(managed(host, MEDIA))
    if media is not None:
        yield f"{MEDIA} mount-controls", media
    denied = flag_of(managed(host, DISK_ACCESS).get("DenyExternalStorage"))
    if denied is not None:
        yield f"{DISK_ACCESS} DenyExternalStorage", denied


def _may_hide_more(host: Host) -> bool:
    """Whether a declaration may restrict storage unseen: on a recent Mac with a server."""
    number = release(host)
    if number is not None and number < _FIRST_DECLARED:
        return False
    return read_answer(host, enrolled, PROFILES, "status", "-type", "enrollment")
