"""Acts on a device in both stores: decided on the device as it is then, not as it was read."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from fakes.stored import NOW, a_device, a_token
from vigie_server.domain.device_acts import DeviceAct
from vigie_server.domain.devices import Device
from vigie_server.domain.errors import ActRefused, NotFound
from vigie_server.ports.declaring import Act
from vigie_server.services.act_on_devices import ActOnDevices
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.models import Audit, DeviceRow
from vigie_server.store.tables import table

DEVICE, AUDIT = table(DeviceRow), table(Audit)
ACT = Act("test", NOW)


def kept(database: Database) -> Sequence[Any]:
    """The row of each device, and every act on one."""
    with database.reading() as connection:
        rows = connection.execute(select(DEVICE)).all()
        return [*rows, *connection.execute(select(AUDIT.c.action, AUDIT.c.subject)).all()]


def acts_and_a_device(database: Database) -> tuple[ActOnDevices, Device]:
    """What acts, and an active device as somebody looked at it."""
    a_token(database)
    a_device(database, "a")
    return ActOnDevices(Administration(database)), Fleet(database, {}).device("a")


@pytest.mark.parametrize("what", list(DeviceAct))
def test_what_was_retired_since_it_was_looked_at_takes_no_act(
    database: Database, what: DeviceAct
) -> None:
    acts, looked_at = acts_and_a_device(database)
    acts.act_on(looked_at, DeviceAct.RETIRE, ACT)
    before = kept(database)

    with pytest.raises(ActRefused, match=rf"^{what}: not for a device that is retired"):
        acts.act_on(looked_at, what, ACT)

    assert kept(database) == before


def test_of_two_who_looked_at_a_device_the_second_is_told_what_there_is_to_do_now(
    database: Database,
) -> None:
    acts, looked_at = acts_and_a_device(database)
    acts.act_on(looked_at, DeviceAct.LOST, ACT)

    with pytest.raises(ActRefused, match="for a device that is lost, which takes found, stolen"):
        acts.act_on(looked_at, DeviceAct.LOST, ACT)
    acts.act_on(looked_at, DeviceAct.STOLEN, ACT)

    assert Fleet(database, {}).device("a").state.value == "stolen"


def test_of_several_who_retire_a_device_at_once_one_does(database: Database) -> None:
    a_token(database)
    a_device(database, "a")
    administration = Administration(database)

    def retires(actor: str) -> bool:
        try:
            administration.retire("a", now=NOW, actor=actor)
        except ActRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(retires, ["one", "two", "three", "four"]))

    assert sorted(done) == [False, False, False, True]
    with database.reading() as connection:
        audited = connection.execute(select(AUDIT.c.actor).where(AUDIT.c.action == "retired"))
        assert len(audited.all()) == 1


def test_an_act_on_a_device_that_is_none_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="no device a"):
        Administration(database).retire("a", now=NOW, actor="test")
