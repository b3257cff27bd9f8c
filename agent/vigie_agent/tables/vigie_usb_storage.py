"""vigie_usb_storage: USB disks and sticks attached now (Linux).

A stick's device class is 0 and says nothing: its interfaces tell what it is.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, text
from vigie_agent.tables.host import Host

COLUMNS: Final = (
    text("vendor", "Vendor"),
    text("vendor_id", "USB vendor number, four hexadecimal digits"),
    text("model", "Product"),
    text("model_id", "USB product number, four hexadecimal digits"),
    text("serial", "Serial number, empty when the device has none"),
    text("port", "Where it is plugged, e.g. 1-2.3"),
    text("driver", "usb-storage or uas; empty when no driver took it (it is refused)"),
    text("device", "Block devices, comma separated"),
    *COLLECTED,
)
"""One row a device with a mass-storage interface (class 08)."""

_DEVICES: Final = "/sys/bus/usb/devices"
_MASS_STORAGE: Final = "08"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_usb_storage",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="USB mass storage attached now",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    by_port: dict[str, list[str]] = {}
    for name in _names(host, _DEVICES):
        port, colon, _ = name.partition(":")
        if colon and _attribute(host, name, "bInterfaceClass") == _MASS_STORAGE:
            by_port.setdefault(port, []).append(name)
    for port, interfaces in by_port.items():
        drivers = sorted({_driver(host, name) for name in interfaces} - {""})
        disks = sorted({disk for name in interfaces for disk in _disks(host, name)})
        yield collected(
            vendor=_attribute(host, port, "manufacturer"),
            vendor_id=_attribute(host, port, "idVendor"),
            model=_attribute(host, port, "product"),
            model_id=_attribute(host, port, "idProduct"),
            serial=_attribute(host, port, "serial"),
            port=port,
            driver=", ".join(drivers),
            device=", ".join(f"/dev/{disk}" for disk in disks),
        )


def _disks(host: Host, interface: str) -> Iterator[str]:
    """The block devices below an interface: .../hostN/targetN/N:0:0:0/block/sdb."""
    folder = host.path(f"{_DEVICES}/{interface}")
    for found in folder.glob("host*/target*/*/block/*"):
        yield found.name


def _driver(host: Host, interface: str) -> str:
    try:
        return host.path(f"{_DEVICES}/{interface}/driver").readlink().name
    except OSError:
        return ""


def _attribute(host: Host, name: str, attribute: str) -> str:
    return host.text_or_empty(f"{_DEVICES}/{name}/{attribute}").strip()


def _names(host: Host, folder: str) -> list[str]:
    try:
        return sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []
