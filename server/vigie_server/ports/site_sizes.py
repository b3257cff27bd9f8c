"""How many devices sites have, by state."""

from collections.abc import Collection, Mapping
from typing import Protocol

from vigie_server.domain.devices import DeviceState


class SiteSizes(Protocol):
    """Counts over an index of sites and states. Blocking: call it from a worker thread."""

    def sizes(self, sites: Collection[str]) -> Mapping[str, Mapping[DeviceState, int]]:
        """By the names of these sites; a site without devices, or that is not there, is absent."""
        ...
