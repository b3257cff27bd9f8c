"""Has devices judged again because of what was declared, and keeps who did what.

By every rule: their `judged_with` is cleared; by one rule: its verdict is made due. The sweeper
takes them; their revision rises, so a live session starts again from what is stored.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, or_, select, update

from vigie_server.ports.declaring import Act
from vigie_server.store import changes
from vigie_server.store.models import Audit, DeviceRow, VerdictRow
from vigie_server.store.tables import table

DEVICE, VERDICT, AUDIT = table(DeviceRow), table(VerdictRow), table(Audit)
AT_ONCE: Final = 500
_JUDGED: Final = select(DEVICE.c.key).where(DEVICE.c.disabled == "")


def judge_again(connection: Connection, which: ColumnElement[bool]) -> None:
    """Has the devices that meet the condition judged again, of those that are judged at all."""
    moved = connection.execute(
        update(DEVICE)
        .where(which)
        .where(DEVICE.c.disabled == "")
        .values(judged_with="", revision=DEVICE.c.revision + 1)
        .returning(DEVICE.c.key, DEVICE.c.revision)
    )
    changes.tell_moved(connection, [(row.key, row.revision) for row in moved])


def judge_devices_again(connection: Connection, keys: Sequence[int]) -> None:
    """Has these devices judged again."""
    for start in range(0, len(keys), AT_ONCE):
        judge_again(connection, DEVICE.c.key.in_(keys[start : start + AT_ONCE]))


def judge_rule_again(
    connection: Connection, keys: Sequence[int], rule: str, *, at: datetime
) -> None:
    """Has these devices judged again by one rule; one without its verdict waits for all of them.

    Those that are revoked where a waiver lies over it alone.
    """
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        connection.execute(
            update(VERDICT)
            .where(VERDICT.c.device_key.in_(some))
            .where(or_(VERDICT.c.waived, VERDICT.c.device_key.in_(_JUDGED)))
            .where(VERDICT.c.rule == rule)
            .values(next_check_at=at)
        )
        moved = connection.execute(
            update(DEVICE)
            .where(DEVICE.c.key.in_(some))
            .values(revision=DEVICE.c.revision + 1)
            .returning(DEVICE.c.key, DEVICE.c.revision)
        )
        changes.tell_moved(connection, [(row.key, row.revision) for row in moved])


def record_act(connection: Connection, act: Act, action: str, subject: str) -> None:
    """Keeps what was done, for the audit."""
    connection.execute(
        AUDIT.insert().values(at=act.at, actor=act.actor, action=action, subject=subject)
    )
    changes.tell_act(connection, subject)
