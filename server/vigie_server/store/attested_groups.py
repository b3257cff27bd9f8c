"""What is attested of groups of a site's devices: which word holds for how many of them.

Only sites where something is attested of a group pay for it: their devices are gone through once
for each such group, by its selector.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from vigie_server.domain.maturity import Attestation, Outcome, WordShare
from vigie_server.domain.site_figures import COUNTED
from vigie_server.store.declared_models import Attestation as AttestationRow
from vigie_server.store.declared_models import DeviceGroup
from vigie_server.store.surroundings import group_of, groups_query, picked
from vigie_server.store.tables import table

ATTESTATION, GROUP = table(AttestationRow), table(DeviceGroup)
_COUNTED = {state.value for state in COUNTED}


def words_of_groups(
    connection: Connection,
    site: int,
    *,
    counted: int,
    of_site: Mapping[str, Attestation],
    now: datetime,
) -> tuple[Mapping[str, Sequence[WordShare]], datetime | None]:
    """By item, how many of the `counted` devices stand under which word, and the first expiry.

    Of several groups that pick a device the newest word holds, and any group's before the site's.
    """
    words = _in_force(connection, site, now)
    if not words:
        return {}, None
    members = _members(connection, site, {row.group_key for row in words})
    under: dict[str, dict[int, Attestation]] = {}
    for row in words:  # the newest last
        said = _said(row)
        under.setdefault(row.item, {}).update(dict.fromkeys(members.get(row.group_key, ()), said))
    found: dict[str, Sequence[WordShare]] = {}
    for item, devices in under.items():
        shares = Counter[Attestation | None](devices.values())
        shares[of_site.get(item)] += counted - len(devices)
        found[item] = tuple(WordShare(word, count) for word, count in shares.items() if count)
    return found, min(row.expires_at for row in words if row.expires_at is not None)


def _in_force(connection: Connection, site: int, now: datetime) -> list[Any]:
    """The newest word of each item and group, where it still counts, the oldest first."""
    rows = connection.execute(
        select(ATTESTATION)
        .where(ATTESTATION.c.site_key == site)
        .where(ATTESTATION.c.group_key.is_not(None))
        .where(ATTESTATION.c.withdrawn_at.is_(None))
        .order_by(ATTESTATION.c.key)
    )
    newest = {(row.item, row.group_key): row for row in rows}
    held = [row for row in newest.values() if row.expires_at is None or row.expires_at > now]
    return sorted(held, key=lambda row: row.key)


def _said(row: Any) -> Attestation:
    value = None if row.value is None else json.loads(row.value)
    return Attestation(Outcome(row.outcome), value)


def _members(connection: Connection, site: int, groups: set[int]) -> Mapping[int, Sequence[int]]:
    """The keys of the site's devices that count and that each group picks."""
    here = or_(GROUP.c.site_key.is_(None), GROUP.c.site_key == site)
    rows = connection.execute(groups_query().where(GROUP.c.key.in_(groups)).where(here)).all()
    return {
        row.key: [
            device.key
            for device in picked(connection, group_of(row).selector, site)
            if device.state in _COUNTED
        ]
        for row in rows
    }
