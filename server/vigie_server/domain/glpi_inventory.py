"""A device as GLPI's inventory format has it (`inventory.schema.json`, read at release 1.2.3).

Only what devices say of themselves and Vigie keeps for each; what is not known is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ITEM: Final = "Computer"

Part = dict[str, str]


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of a device as a machine; a text that is empty is not known."""

    id: str
    site: str
    hostname: str
    os: str
    os_version: str
    chassis: str
    serial: str
    uuid: str
    vendor: str
    model: str


def glpi_inventory(machine: Machine, *, version: str) -> Mapping[str, object]:
    """The JSON document of one device; `version` is that of Vigie."""
    parts = {
        "hardware": _known(
            name=machine.hostname, uuid=machine.uuid, chassis_type=machine.chassis.capitalize()
        ),
        "bios": _known(ssn=machine.serial, smanufacturer=machine.vendor, smodel=machine.model),
        "operatingsystem": _known(
            name=machine.os,
            version=machine.os_version,
            full_name=f"{machine.os} {machine.os_version}".strip(),
        ),
    }
    content: dict[str, object] = {"versionclient": f"Vigie-Server_v{version}"}
    content |= {name: part for name, part in parts.items() if part}
    return {
        "action": "inventory",
        "deviceid": f"vigie-{machine.id}",
        "itemtype": ITEM,
        "tag": machine.site,
        "content": content,
    }


def _known(**texts: str) -> Part:
    return {name: text for name, text in texts.items() if text}
