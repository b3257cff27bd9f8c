"""Devices by the rules that judged them.

The sweeper looks every few seconds for devices that other rules judged, of which there are nearly
always none. Digests of rules are few, whatever the fleet: their index is walked from one to the
next, and only devices under another one are read. It leaves out devices that are judged no more,
which keep the digest of their last day.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, text

from vigie_server.store.models import DeviceRow
from vigie_server.store.tables import table

DEVICE = table(DeviceRow)
JUDGED: Final = text("device.disabled = ''")
"""Written out, as the index has it: of a value that is bound, databases cannot tell that they are
its devices."""
_OTHERS: Final = text(
    """
    WITH RECURSIVE held (digest) AS (
        SELECT (SELECT min(judged_with) FROM device WHERE disabled = '')
        UNION ALL
        SELECT (
            SELECT min(judged_with) FROM device WHERE disabled = '' AND judged_with > held.digest
        )
        FROM held WHERE held.digest IS NOT NULL
    )
    SELECT digest FROM held
    WHERE digest NOT IN (:digest, coalesce(
        (SELECT digest FROM catalogue ORDER BY started DESC, digest LIMIT 1), :digest
    ))
    ORDER BY digest
    """
)
"""Every other digest, but that of the rules in force (`store/catalogues.py`)."""
_UNDER: Final = (
    select(DEVICE.c.key)
    .where(JUDGED)
    .where(DEVICE.c.judged_with == bindparam("digest"))
    .limit(bindparam("most"))
)
_WAITING: Final = (
    select(func.count()).select_from(DEVICE).where(JUDGED).where(DEVICE.c.judged_with == "")
)


def judged_otherwise(connection: Connection, digest: str, *, limit: int) -> Mapping[int, str]:
    """Devices that neither these rules judged nor those in force, each with the digest it has.

    Those that somebody asked to be judged again come first.
    """
    found: dict[int, str] = {}
    for other in connection.execute(_OTHERS, {"digest": digest}).scalars().all():
        if len(found) == limit:
            break
        wanted = {"digest": other, "most": limit - len(found)}
        found.update(dict.fromkeys(connection.execute(_UNDER, wanted).scalars(), other))
    return dict(sorted(found.items()))


def waiting(connection: Connection) -> int:
    """How many devices wait to be judged again because somebody asked for it."""
    return int(connection.execute(_WAITING).scalar_one())
