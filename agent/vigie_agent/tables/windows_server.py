r"""What kind of Windows this is, where a fact means something else on a server."""

from enum import StrEnum
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import RegistryKey

_VERSION: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_PRODUCT: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ProductOptions"


class Installation(StrEnum):
    """Windows' own `InstallationType`."""

    CLIENT = "client"
    SERVER = "server"
    CORE = "core"  # a server without a desktop
    UNKNOWN = "unknown"

    @property
    def is_server(self) -> bool:
        """Whether it is a server, with a desktop or without."""
        return self in {Installation.SERVER, Installation.CORE}


def installation(host: Host) -> Installation:
    """Client or server, as Windows says itself."""
    found = host.windows.registry(_VERSION)
    said = found.text("InstallationType") if isinstance(found, RegistryKey) else None
    match (said or "").lower():
        case "client":
            return Installation.CLIENT
        case "server core" | "nano server":
            return Installation.CORE
        case "server":
            return Installation.SERVER
        case _:
            return Installation.UNKNOWN


def is_domain_controller(host: Host) -> bool:
    """Whether this server is a domain controller: its accounts are those of the domain."""
    found = host.windows.registry(_PRODUCT)
    return isinstance(found, RegistryKey) and (found.text("ProductType") or "") == "LanmanNT"
