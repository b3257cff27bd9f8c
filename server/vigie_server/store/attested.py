"""The attestations in force of sites, for the records of their devices."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from vigie_server.domain.attested import InForce
from vigie_server.domain.attesting import Outcome
from vigie_server.store.declared_models import Attestation
from vigie_server.store.tables import table

ATTESTATION = table(Attestation)
_STANDING: Final = (  # built once: it runs at most visits of a device
    select(ATTESTATION)
    .where(ATTESTATION.c.site_key.in_(bindparam("sites", expanding=True)))
    .where(ATTESTATION.c.withdrawn_at.is_(None))
    .order_by(ATTESTATION.c.key)
)


def in_force(connection: Connection, sites: Collection[int]) -> Mapping[int, Sequence[InForce]]:
    """By site's key, the newest attestation of each item and group, where it has not lapsed.

    The newest word holds: an older one that would last longer does not come back when it lapses.
    """
    if not sites:
        return {}
    rows = connection.execute(_STANDING, {"sites": list(set(sites))})
    newest = {(row.site_key, row.group_key, row.item): row for row in rows}
    found: dict[int, list[InForce]] = {}
    for row in newest.values():
        if row.lapsed_at is None:
            value = None if row.value is None else json.loads(row.value)
            found.setdefault(row.site_key, []).append(
                InForce(row.item, row.group_key, Outcome(row.outcome), value, row.at)
            )
    return found
