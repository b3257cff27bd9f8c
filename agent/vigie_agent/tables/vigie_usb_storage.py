"""vigie_usb_storage and vigie_usb_policy: USB disks attached now, and what refuses them (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

ATTACHED_COLUMNS: Final = (
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
"""vigie_usb_storage: one row a device with a mass-storage interface (class 08)."""

POLICY_COLUMNS: Final = (
    text("mechanism", "usb_storage module, or usbguard"),
    integer("blocked", "This mechanism refuses USB storage"),
    text("detail", "Why, in words"),
    *COLLECTED,
)
"""vigie_usb_policy: one row for the kernel module, one for usbguard when it is installed."""
