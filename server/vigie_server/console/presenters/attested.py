"""What can be attested of a site, beside what stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigie_server.domain.attesting import AttestationCatalogue, AttestedItem
from vigie_server.ports.attesting import AttestationRecord, AttestationState


@dataclass(frozen=True, slots=True)
class Standing:
    """An attestation that stands, or has expired."""

    record: AttestationRecord
    state: AttestationState


@dataclass(frozen=True, slots=True)
class ItemSeen:
    """An item, with what was said of it: of the site first, then of groups."""

    item: AttestedItem | None
    id: str
    standing: Sequence[Standing]


def items_of(
    catalogue: AttestationCatalogue,
    records: Sequence[AttestationRecord],
    *,
    now: datetime,
    remind_before: timedelta,
) -> Sequence[tuple[int, Sequence[ItemSeen]]]:
    """By question; rules that were said not to apply stand with their question."""
    said: dict[str, list[Standing]] = {}
    for record in sorted(records, key=lambda one: (one.item, one.group or "")):
        state = record.state(now, remind_before=remind_before)
        said.setdefault(record.item, []).append(Standing(record, state))
    found: dict[int, list[ItemSeen]] = {}
    for item in catalogue.items.values():
        found.setdefault(item.question, []).append(ItemSeen(item, item.id, said.pop(item.id, ())))
    for name, standing in said.items():
        number = int(name[1:3]) if name[1:3].isdigit() else 0
        found.setdefault(number, []).append(ItemSeen(None, name, standing))
    return sorted(found.items())
