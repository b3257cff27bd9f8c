"""What the attestations in force say of one device, by the names that rules use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain.attesting import AttestedValue, Outcome
from vigie_server.domain.declared import Declarations, Said

BACKUP_FREQUENCY: Final = "Q02-backup-frequency"
REMOTE_ACCESS: Final = "Q09-remote-access-need"
CARRIERS: Final = {
    "site.backup_interval_days": BACKUP_FREQUENCY,
    "site.remote_access_needed": REMOTE_ACCESS,
}
"""The items whose value has a name of its own."""
EVERY_ATTESTATION: Final = "*"
"""Stands for all of them, where a rule does not name those it reads."""


@dataclass(frozen=True, slots=True)
class InForce:
    """An attestation that counts: the newest of its item and group, not withdrawn, not lapsed."""

    item: str
    group: int | None
    outcome: Outcome
    value: AttestedValue
    at: datetime


def attested(in_force: Iterable[InForce], groups: Collection[int] = ()) -> Declarations:
    """The declarations for a device that is in these groups (their keys).

    What is said of a group of the device outweighs what is said of the site; of several groups, the
    newest word holds.
    """
    chosen: dict[str, InForce] = {}
    for said in in_force:
        if said.group is not None and said.group not in groups:
            continue
        known = chosen.get(said.item)
        if known is None or _weight(said) > _weight(known):
            chosen[said.item] = said
    held = {item: said for item, said in chosen.items() if said.outcome is Outcome.HELD}
    found: dict[str, Said] = {}
    if held:
        found["site.attested"] = tuple(sorted(held))
    excused = [item for item, said in chosen.items() if said.outcome is Outcome.NOT_APPLICABLE]
    if excused:
        found["site.not_applicable"] = tuple(sorted(excused))
    for name, item in CARRIERS.items():
        if item in held and held[item].value is not None:
            found[name] = held[item].value
    return found


def _weight(said: InForce) -> tuple[bool, datetime]:
    return said.group is not None, said.at
