"""What a site's rules are decided on: counts over its devices, and what people recorded of it.

Counts come grouped from the store: a site of 300 devices is a few dozen of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.maturity import Attestation, Outcome

COUNTED: Final = frozenset({DeviceState.ACTIVE, DeviceState.LOST, DeviceState.STOLEN})
"""A site's own devices: a lost laptop still has to be encrypted. Others are not settled yet."""
FRESH: Final = timedelta(days=7)
"""Older evidence says nothing of how alike the devices of a site are."""

COMPLEMENT_CHARACTERS: Final = 2000


class Inventory(StrEnum):
    """The five inventories of the guide."""

    EQUIPMENT = "equipment"
    SOFTWARE = "software"
    DATA = "data"
    ACCESS = "access"
    INTERCONNECTIONS = "interconnections"


COMPLEMENTS: Final[Mapping[Inventory, str]] = {
    Inventory.EQUIPMENT: "Q01-equipment-inventory-complete",
    Inventory.SOFTWARE: "Q01-software-inventory-complete",
    Inventory.DATA: "Q01-data-processing-inventory",
    Inventory.ACCESS: "Q01-access-inventory",
    Inventory.INTERCONNECTIONS: "Q01-interconnections-inventory",
}
"""What a person attests of each: that it holds what no device reports."""
INVENTORY_WORDS: Final[Mapping[Inventory, Mapping[str, str]]] = {
    Inventory.EQUIPMENT: {"fr": "équipements", "en": "equipment"},
    Inventory.SOFTWARE: {"fr": "logiciels", "en": "software"},
    Inventory.DATA: {"fr": "données et traitements", "en": "data and processing"},
    Inventory.ACCESS: {"fr": "accès", "en": "access"},
    Inventory.INTERCONNECTIONS: {"fr": "interconnexions", "en": "interconnections"},
}


def complement_of(text: str) -> str:
    """What a review added by hand, as it is kept. Raises DeclarationRefused."""
    kept = " ".join(text.split())
    if len(kept) > COMPLEMENT_CHARACTERS:
        raise DeclarationRefused(f"complement: at most {COMPLEMENT_CHARACTERS} characters")
    return kept


@dataclass(frozen=True, slots=True)
class ContractorToken:
    """A contractor's token in force that reaches the site; `everywhere`: it reaches all sites."""

    name: str
    everywhere: bool
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """One site at one moment.

    `counted` devices are those of the states `COUNTED`; `heard` says how many of them the server
    last heard so many whole days ago. `versions`: by system and watched product, how many devices
    have which version, of the `software_told` devices with fresh evidence; `ended`: the same of
    products past their vendor's end. `configurations`: by system, how many devices share which
    firewall, of the `firewall_told`.
    """

    declared_devices: int | None = None
    counted: int = 0
    heard: Mapping[int, int] = field(default_factory=dict)
    software_told: int = 0
    versions: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    ended: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    firewall_told: int = 0
    configurations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reviews: Mapping[str, datetime] = field(default_factory=dict)
    attestations: Mapping[str, Attestation] = field(default_factory=dict)
    contractors: tuple[ContractorToken, ...] = ()

    def complemented(self, inventory: Inventory) -> bool:
        """Whether a person attests the inventory's complement, or that it has none."""
        found = self.attestations.get(COMPLEMENTS[inventory])
        return found is not None and found.outcome is not Outcome.NOT_HELD
