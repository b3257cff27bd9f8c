"""What a device's inventory says of the device itself."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact, FactRow

INVENTORY: Final = "inventory"
DESCRIBES: Final = frozenset({"chassis", "hostname", "os_name", "os_version"})
"""The columns of the inventory that tell of the device."""
_MAX_TEXT: Final = 255


def described(device: Device, inventory: Fact) -> Device:
    """The device with what its inventory tells; what it does not tell stays as it was."""
    rows = inventory.rows
    return replace(
        device,
        hostname=_first(rows, "hostname") or device.hostname,
        os=_first(rows, "os_name") or device.os,
        os_version=_first(rows, "os_version") or device.os_version,
        chassis=_first(rows, "chassis") or device.chassis,
    )


def _first(rows: Iterable[FactRow], column: str) -> str:
    for row in rows:
        value = row.get(column)
        if isinstance(value, str) and value:
            return value[:_MAX_TEXT].replace("\0", "")
    return ""
