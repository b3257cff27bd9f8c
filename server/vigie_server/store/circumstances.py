"""What stands of few devices beside their verdicts: since when they are missing, and conflicts.

Both are asked of the few devices alone whose state allows it: most pages of a fleet ask nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from vigie_server.domain.devices import DeviceState
from vigie_server.store.models import Audit, Conflict
from vigie_server.store.tables import table

AUDIT, CONFLICT = table(Audit), table(Conflict)

_DECLARED: Final = {
    DeviceState.LOST.value: "declared lost",
    DeviceState.STOLEN.value: "declared stolen",
}


def missing_since(
    connection: Connection,
    devices: Sequence[Row[Any]],
    audited_since: Callable[[], datetime] | None = None,
) -> Mapping[int, datetime]:
    """When those of the devices that are lost or stolen were last declared so, by key.

    A device that was revoked or retired is settled: it is not among them. What the audit no longer
    knows was at `audited_since` or before, and is left out without it.
    """
    missing = [row for row in devices if row.state in _DECLARED and not row.disabled]
    if not missing:
        return {}
    acts = connection.execute(
        select(AUDIT.c.subject, AUDIT.c.action, func.max(AUDIT.c.at).label("at"))
        .where(AUDIT.c.subject.in_([row.id for row in missing]))
        .where(AUDIT.c.action.in_(list(_DECLARED.values())))
        .group_by(AUDIT.c.subject, AUDIT.c.action)
    )
    declared = {(act.subject, act.action): act.at for act in acts}
    oldest = None if audited_since is None else audited_since()
    found = {row.key: declared.get((row.id, _DECLARED[row.state]), oldest) for row in missing}
    return {key: at for key, at in found.items() if at is not None}


def open_conflicts(connection: Connection, devices: Sequence[Row[Any]]) -> Mapping[int, int]:
    """How many claims of those of the devices that are pending nobody has settled, by key."""
    pending = [row.key for row in devices if row.state == DeviceState.PENDING and not row.disabled]
    if not pending:
        return {}
    counted = connection.execute(
        select(CONFLICT.c.device_key, func.count())
        .where(CONFLICT.c.device_key.in_(pending))
        .where(CONFLICT.c.settled_at.is_(None))
        .group_by(CONFLICT.c.device_key)
    )
    return {key: int(count) for key, count in counted}
