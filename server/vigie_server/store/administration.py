"""What an administrator does to a device. Each act raises its revision: open sessions notice.

Whether an act is for the device is decided in the transaction that does it, on the row as it is
then: of two people who looked at the same device, the second is refused what the first made void.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, true, update

from vigie_server.domain.device_acts import NOMADISM, STATES, DeviceAct, Standing, check_act
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.ports.declaring import Act
from vigie_server.store import changes, judged_with
from vigie_server.store.database import Database, retried
from vigie_server.store.models import Audit, Certificate, Conflict, DeviceRow, VerdictRow
from vigie_server.store.rejudging import record_act
from vigie_server.store.rule_counts import take_out
from vigie_server.store.tables import table

DEVICE, CERTIFICATE = table(DeviceRow), table(Certificate)
VERDICT = table(VerdictRow)
CONFLICT, AUDIT = table(Conflict), table(Audit)

_STATED: Final = {state: act for act, state in STATES.items()}
_SAID: Final = {said: act for act, said in NOMADISM.items()}


class Administration:
    """Acts on devices and on the whole fleet. Blocking: call it from a worker thread.

    Acts on a device raise NotFound, and ActRefused where they are not for it as it stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def approve(self, device_id: str, *, now: datetime, actor: str) -> None:
        """Counts a pending or quarantined device in; settles its conflicts."""
        # A boot id that made it a clone must not do so again.
        values = {"state": DeviceState.ACTIVE.value, "boot_ids": "[]"}
        self._act(device_id, DeviceAct.APPROVE, "approved", values, now=now, actor=actor)

    def retire(self, device_id: str, *, now: datetime, actor: str) -> None:
        """The device is gone: it is told to stop, and is judged no more."""
        values = {"state": DeviceState.RETIRED.value, "disabled": "retired"}
        self._act(device_id, DeviceAct.RETIRE, "retired", values, now=now, actor=actor)

    def revoke(self, device_id: str, *, now: datetime, actor: str) -> None:
        """No certificate of the device is in force any more."""
        values = {"disabled": "revoked"}
        self._act(device_id, DeviceAct.REVOKE, "revoked", values, now=now, actor=actor)

    def declare_state(
        self, device_id: str, state: DeviceState, *, now: datetime, actor: str
    ) -> None:
        """A person says that the device is lost, stolen, or there again."""
        values = {"state": state.value}
        self._act(
            device_id, _STATED[state], f"declared {state.value}", values, now=now, actor=actor
        )

    def declare_nomadic(
        self, device_id: str, *, nomadic: bool | None, now: datetime, actor: str
    ) -> None:
        """A person says whether the device is nomadic; None leaves it to be worked out again."""
        said = {True: "nomadic", False: "not nomadic", None: "nomadic or not as it is found"}[
            nomadic
        ]
        values = {"declared_nomadic": nomadic, "judged_with": ""}
        self._act(device_id, _SAID[nomadic], f"declared {said}", values, now=now, actor=actor)

    @retried
    def judge_all_again(self, act: Act) -> None:
        """Every device is to be judged again by the sweeper."""
        with self._database.writing() as connection:
            connection.execute(
                update(DEVICE).values(judged_with="", revision=DEVICE.c.revision + 1)
            )
            changes.tell_all_moved(connection)
            record_act(connection, act, "asked to judge again", "every device")

    def waiting(self) -> int:
        """How many devices wait to be judged again because somebody asked for it."""
        with self._database.reading() as connection:
            return judged_with.waiting(connection)

    def judged_devices(self) -> int:
        """How many devices are judged at all."""
        query = select(func.count()).select_from(DEVICE).where(DEVICE.c.disabled == "")
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def judged_keys(self, *, after: int, limit: int) -> Sequence[int]:
        """The keys of the devices that are judged, after this one."""
        query = (
            select(DEVICE.c.key)
            .where(DEVICE.c.disabled == "")
            .where(DEVICE.c.key > after)
            .order_by(DEVICE.c.key)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalars().all()

    def key_of(self, device_id: str) -> int:
        """Raises NotFound."""
        with self._database.reading() as connection:
            key = connection.execute(select(DEVICE.c.key).where(DEVICE.c.id == device_id)).scalar()
        if key is None:
            raise NotFound(f"no device {device_id}")
        return int(key)

    @retried
    def _act(
        self,
        device_id: str,
        what: DeviceAct,
        action: str,
        values: Mapping[str, Any],
        *,
        now: datetime,
        actor: str,
    ) -> None:
        with self._database.writing() as connection:
            key, known = _found(connection, device_id)
            check_act(known, what)
            connection.execute(
                update(DEVICE)
                .where(DEVICE.c.key == key)
                .values(revision=DEVICE.c.revision + 1, **values)
            )
            if "disabled" in values:
                connection.execute(
                    update(CERTIFICATE)
                    .where(CERTIFICATE.c.device_key == key)
                    .where(CERTIFICATE.c.revoked_at.is_(None))
                    .values(revoked_at=now)
                )
                # It is judged no more: the sweeper would come upon its rules at each look for good.
                # Where it goes on counting a waiver still ends.
                over = true() if what is DeviceAct.RETIRE else VERDICT.c.waived.is_(False)
                connection.execute(
                    update(VERDICT)
                    .where(VERDICT.c.device_key == key)
                    .where(VERDICT.c.next_check_at.is_not(None))
                    .where(over)
                    .values(next_check_at=None)
                )
            connection.execute(
                update(CONFLICT)
                .where(CONFLICT.c.device_key == key)
                .where(CONFLICT.c.settled_at.is_(None))
                .values(settled_at=now)
            )
            connection.execute(
                AUDIT.insert().values(at=now, actor=actor, action=action, subject=device_id)
            )
            changes.tell_act(connection, device_id)
            if what is DeviceAct.RETIRE:
                take_out(self._database, connection, key)


def _found(connection: Connection, device_id: str) -> tuple[int, Standing]:
    """The device, which nobody else changes until the transaction ends. Raises NotFound."""
    row = connection.execute(
        select(DEVICE.c.key, DEVICE.c.state, DEVICE.c.disabled, DEVICE.c.declared_nomadic)
        .where(DEVICE.c.id == device_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"no device {device_id}")
    return row.key, Standing(DeviceState(row.state), bool(row.disabled), row.declared_nomadic)
