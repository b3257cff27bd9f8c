"""Versions of software over the fleet, and the devices that have them. All block."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vigie_server.domain.software_drift import Installed
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import Page, Position


@dataclass(frozen=True, slots=True)
class InstalledWanted:
    """Devices with a product. `listed`: an entry of the ended products; `versions` None: any."""

    sites: Sites
    platform: str
    product: str
    listed: bool = False
    versions: Collection[str] | None = None


class DeviceWithVersion(NamedTuple):
    """A device and a version that it has."""

    device: str
    hostname: str
    site: str
    version: str


class SoftwareLists(Protocol):
    """What is installed where."""

    def installed(self, sites: Sites) -> Sequence[Installed]:
        """Counts over these sites (None: every site), as each was last assessed."""
        ...

    def devices(
        self, wanted: InstalledWanted, *, after: Position | None, limit: int
    ) -> Page[DeviceWithVersion]:
        """In the order of enrolment; a place is a device's key and a version."""
        ...
