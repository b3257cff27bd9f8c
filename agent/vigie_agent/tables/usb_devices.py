"""`usb_devices`: what is plugged into USB, hubs included."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns(
    "usb_address INTEGER, usb_port INTEGER, vendor, vendor_id, version, model, model_id, serial, "
    "class, subclass, protocol, removable INTEGER"
)
_DEVICES: Final = "/sys/bus/usb/devices"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table("usb_devices", COLUMNS, lambda _request: _rows(host), platforms=frozenset({"linux"})),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        names = sorted(item.name for item in host.path(_DEVICES).iterdir())
    except OSError:
        return
    for name in names:
        address, bus = (_number(_read(host, name, key)) for key in ("devnum", "busnum"))
        if ":" in name or not address or not bus:  # an interface, or a device that just left
            continue
        yield {
            "usb_address": address,
            "usb_port": bus,
            "vendor": _read(host, name, "manufacturer"),
            "vendor_id": _read(host, name, "idVendor"),
            "version": _read(host, name, "bcdDevice"),
            "model": _read(host, name, "product"),
            "model_id": _read(host, name, "idProduct"),
            "serial": _read(host, name, "serial"),
            "class": _decimal(_read(host, name, "bDeviceClass")),
            "subclass": _decimal(_read(host, name, "bDeviceSubClass")),
            "protocol": _decimal(_read(host, name, "bDeviceProtocol")),
            # osquery calls removable whatever does not say `unknown`, fixed devices too.
            "removable": -1 if _read(host, name, "removable") == "unknown" else 1,
        }


def _read(host: Host, name: str, attribute: str) -> str:
    return host.text_or_empty(f"{_DEVICES}/{name}/{attribute}").strip()


def _decimal(written: str) -> str:
    try:
        return str(int(written, 16))
    except ValueError:
        return ""


def _number(written: str) -> int:
    return int(written) if written.isdecimal() else 0
