"""What people declare of a site and its devices, as the conditions of rules see it.

A device answers what its packs ask; the rest a person says once: attestations, the asset card,
what a device is for. Each has a full name, a kind and the value that stands for "nobody said".
Rules name them like any other name: `'Q02-central-backups' in site.attested`, `asset.place == ''`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.conditions import Kind

Said = str | int | float | bool | tuple[str, ...] | None
"""A declared value: instants are UNIX seconds, a list of ids or roles is a tuple."""


@dataclass(frozen=True, slots=True)
class Declarable:
    """What can be declared under a name, and what is seen where nobody did."""

    kind: Kind
    unsaid: Said
    about: str


DECLARED: Final[Mapping[str, Declarable]] = {
    "site.attested": Declarable(
        Kind.TEXTS, (), "attestations in force for the site or a group of the device: their ids"
    ),
    "site.not_applicable": Declarable(
        Kind.TEXTS, (), "attestations recorded as not applicable, with a reason: their ids"
    ),
    "site.backup_interval_days": Declarable(
        Kind.ANY, None, "what Q02-backup-frequency attests; null where it does not"
    ),
    "site.remote_access_needed": Declarable(
        Kind.TEXT, "", "what Q09-remote-access-need attests: yes, no, or empty"
    ),
    "device.roles": Declarable(Kind.TEXTS, (), "what the device is for, e.g. `stores-data`"),
    "asset.recorded": Declarable(
        Kind.FLAG, unsaid=False, about="whether the device has an asset card"
    ),
    "asset.supplier": Declarable(Kind.TEXT, "", "who sold it"),
    "asset.purchased_at": Declarable(Kind.ANY, None, "day of purchase"),
    "asset.place": Declarable(Kind.TEXT, "", "place of use"),
    "asset.usage": Declarable(Kind.TEXT, "", "dedicated or shared"),
    "asset.warranty_ends_at": Declarable(Kind.ANY, None, "end of the warranty"),
    "asset.maintenance_contract": Declarable(Kind.TEXT, "", "number of the maintenance contract"),
    "asset.renewal_planned_at": Declarable(Kind.ANY, None, "when it is to be replaced"),
    "asset.last_maintenance_at": Declarable(Kind.ANY, None, "day of the last maintenance"),
    "asset.owner": Declarable(Kind.TEXT, "", "facility or personal"),
}
"""By the name that conditions use."""

UNSAID: Final[Mapping[str, Said]] = {name: one.unsaid for name, one in DECLARED.items()}
"""What conditions see where nobody said anything, by the name that they use."""

Declarations = Mapping[str, Said]
"""What was said of one device and its site; names that are absent were not said."""

NOTHING_DECLARED: Final[Declarations] = {}


def said(declarations: Declarations, name: str) -> Said:
    """The value that conditions see under a name of `DECLARED`."""
    return declarations.get(name, UNSAID[name])
