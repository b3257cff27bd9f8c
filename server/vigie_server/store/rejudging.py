"""Has devices judged again because of what was declared, and keeps who did what.

Their `judged_with` is cleared, so the sweeper takes them; their revision rises, so a live session
starts again from what is stored.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, update

from vigie_server.ports.declaring import Act
from vigie_server.store import changes
from vigie_server.store.models import Audit, DeviceRow
from vigie_server.store.tables import table

DEVICE, AUDIT = table(DeviceRow), table(Audit)
AT_ONCE: Final = 500


def judge_again(connection: Connection, which: ColumnElement[bool]) -> None:
    """Has the devices that meet the condition judged again."""
    moved = connection.execute(
        update(DEVICE)
        .where(which)
        .values(judged_with="", revision=DEVICE.c.revision + 1)
        .returning(DEVICE.c.key, DEVICE.c.revision)
    )
    changes.tell_moved(connection, [(row.key, row.revision) for row in moved])


def judge_devices_again(connection: Connection, keys: Sequence[int]) -> None:
    """Has these devices judged again."""
    for start in range(0, len(keys), AT_ONCE):
        judge_again(connection, DEVICE.c.key.in_(keys[start : start + AT_ONCE]))


def record_act(connection: Connection, act: Act, action: str, subject: str) -> None:
    """Keeps what was done, for the audit."""
    connection.execute(
        AUDIT.insert().values(at=act.at, actor=act.actor, action=action, subject=subject)
    )
    changes.tell_act(connection, subject)
