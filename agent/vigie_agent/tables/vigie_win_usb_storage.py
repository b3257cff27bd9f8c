r"""vigie_win_usb_storage: USB disks and sticks attached to a Windows device now.

Disks on UAS present themselves as SCSI ones; the storage service knows the bus they are on. Where
it does not answer, drives tell their interface, and disks on UAS may be missed: that is told.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_number, as_text, wql
from vigie_agent.tables.windows_system import CIMV2, Reason, Unread

COLUMNS: Final = (
    text("vendor", "Manufacturer; empty where only the model names it"),
    text("model", "Product"),
    text("serial", "Serial number, empty when the device has none"),
    text("device", "The drive's own name, e.g. PHYSICALDRIVE1"),
    *COLLECTED,
)
"""One row a disk on the USB bus."""

_STORAGE: Final = r"root\Microsoft\Windows\Storage"
_DISKS: Final = wql(
    "FriendlyName, Manufacturer, Model, SerialNumber, BusType, DeviceId", "MSFT_PhysicalDisk"
)
_DRIVES: Final = wql("Model, SerialNumber, InterfaceType, PNPDeviceID, Index", "Win32_DiskDrive")
_USB: Final = 7


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_usb_storage",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="USB disks and sticks attached now, those on UAS included",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    disks = host.windows.wmi(_STORAGE, _DISKS) or Unread(Reason.DENIED)  # every device has a disk
    if isinstance(disks, Unread):
        yield not_collected(disks.why("the bus of disks"))
        yield from _drives(host)
        return
    for disk in disks:
        if as_number(disk["BusType"]) == _USB:
            yield collected(
                vendor=as_text(disk["Manufacturer"]).strip(),
                model=(as_text(disk["Model"]) or as_text(disk["FriendlyName"])).strip(),
                serial=as_text(disk["SerialNumber"]).strip(),
                device=f"PHYSICALDRIVE{as_text(disk['DeviceId'])}",
            )


def _drives(host: Host) -> Iterator[TableRow]:
    """What drives say of their own interface; UAS is not told there."""
    drives = host.windows.wmi(CIMV2, _DRIVES)
    for drive in () if isinstance(drives, Unread) else drives:
        of_usb = as_text(drive["InterfaceType"]) == "USB"
        if of_usb or as_text(drive["PNPDeviceID"]).upper().startswith("USBSTOR"):
            yield collected(
                model=as_text(drive["Model"]).strip(),
                serial=as_text(drive["SerialNumber"]).strip(),
                device=f"PHYSICALDRIVE{as_number(drive['Index'])}",
            )
