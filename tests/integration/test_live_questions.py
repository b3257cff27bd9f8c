"""Live questions over real TLS, from who asks to who answers and back."""

import asyncio
from pathlib import Path

import grpc
import pytest

from fakes.asking import asker
from fakes.running_server import RunningServer, running_server
from fakes.scripted_device import ScriptedIdentity, a_hello, enrolled, session
from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie_server.ports.tokens import Role
from vigie_server.settings import AskingSettings, SessionSettings

pytestmark = pytest.mark.enable_socket
on_each_store = pytest.mark.usefixtures("each_store")
SITE = "Les Tilleuls"
OK = snapshot_pb2.SNAPSHOT_STATUS_OK


async def a_device(running: RunningServer, name: str = "poste-1") -> ScriptedIdentity:
    return await enrolled(running.token(), running.authority.certificate_pem, hostname=name)


def an_answer(ask_id: str, *values: str, done: bool = True) -> telemetry_pb2.Answer:
    return telemetry_pb2.Answer(
        ask_id=ask_id,
        status=OK,
        columns=["days", "seconds"],
        values=values,
        row_count=len(values) // 2,
        done=done,
    )


@on_each_store
async def test_a_connected_device_is_asked_at_once_and_its_answer_streams_in(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path) as running, asker(running) as operator:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            asked = await operator.asks(question="uptime", devices=[identity.device_id])
            order = (await device.received_until(lambda message: message.HasField("ask"))).ask
            await device.send(an_answer(order.ask_id, "3", "300000", done=False))
            await device.send(an_answer(order.ask_id, "4", "400000"))
            lines = await operator.follows(asked["id"])
        page = await operator.gets(f"{asked['id']}/answers")

    assert asked["devices"] == 1
    assert order.ask_id == asked["id"]
    assert order.sql == "SELECT days, total_seconds AS seconds FROM uptime"
    assert order.asked_by.startswith("un opérateur de Vigie")
    assert "Temps depuis le dernier démarrage" in order.purpose
    assert "a test" in order.purpose
    assert lines[-1]["progress"]["done"]
    rows = [{"days": "3", "seconds": "300000"}, {"days": "4", "seconds": "400000"}]
    assert [line["answer"]["rows"] for line in lines if "answer" in line] == [rows]
    assert [(item["outcome"], item["rows"]) for item in page["items"]] == [("ok", rows)]


@on_each_store
async def test_a_device_that_comes_later_is_asked_in_its_welcome(tmp_path: Path) -> None:
    visits = SessionSettings(held=0)
    async with running_server(tmp_path, sessions=visits) as running, asker(running) as operator:
        identity = await a_device(running)
        asked = await operator.asks(question="uptime", site=SITE)
        answered = False
        while not answered:  # the server reads of the question within its second
            async with session(identity) as device:
                welcome = await device.greet()
                for ask in welcome.asks:
                    await device.send(an_answer(ask.ask_id, "3", "300000"))
                    answered = True
                await device.done()
                while await device.received() is not None:
                    pass
        lines = await operator.follows(asked["id"])
        async with session(identity) as device:
            again = await device.greet()

    assert [ask.ask_id for ask in welcome.asks] == [asked["id"]]
    assert lines[-1]["progress"]["outcomes"] == {"ok": 1}
    assert not again.asks


async def test_a_device_that_goes_away_before_its_answer_is_asked_again(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running, asker(running) as operator:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            asked = await operator.asks(question="uptime", devices=[identity.device_id])
            await device.received_until(lambda message: message.HasField("ask"))
            await device.send(an_answer(asked["id"], "1", "1", done=False))
        async with session(identity) as device:
            welcome = await device.greet(a_hello(boot_id="boot-1"))
            await device.send(an_answer(asked["id"], "3", "300000"))
            lines = await operator.follows(asked["id"])

    assert [ask.ask_id for ask in welcome.asks] == [asked["id"]]
    (answer,) = [line["answer"] for line in lines if "answer" in line]
    assert answer["rows"] == [{"days": "3", "seconds": "300000"}]


async def test_more_rows_than_were_asked_for_are_not_kept(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running, asker(running) as operator:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            asked = await operator.asks(question="uptime", devices=[identity.device_id], rows=1)
            order = (await device.received_until(lambda message: message.HasField("ask"))).ask
            await device.send(an_answer(order.ask_id, "3", "3", "4", "4"))
            lines = await operator.follows(asked["id"])

    assert order.max_rows == 1
    (answer,) = [line["answer"] for line in lines if "answer" in line]
    assert (answer["outcome"], answer["rows"]) == ("too_large", [])


async def test_an_answer_to_what_was_not_asked_ends_the_session(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(an_answer("question-made-up", "3", "3"))

            with pytest.raises(grpc.aio.AioRpcError, match="was not asked"):
                await device.received()


async def test_a_select_of_ones_own_needs_the_sites_leave_which_only_an_administrator_gives(
    tmp_path: Path,
) -> None:
    sql = "SELECT name FROM os_version"
    async with (
        running_server(tmp_path) as running,
        asker(running) as operator,
        asker(running, Role.ADMIN) as administrator,
    ):
        identity = await a_device(running)
        refused = await operator.asks(422, sql=sql, devices=[identity.device_id])
        await administrator.allows(SITE, free=True)
        async with session(identity) as device:
            await device.greet()
            asked = await operator.asks(sql=sql, devices=[identity.device_id])
            order = (await device.received_until(lambda message: message.HasField("ask"))).ask

    assert SITE in refused["detail"]
    assert asked["personal"]
    assert order.sql == sql


async def test_at_most_so_many_devices_work_on_a_question_at_a_time(tmp_path: Path) -> None:
    paced = AskingSettings(at_once=1)
    async with running_server(tmp_path, asking=paced) as running, asker(running) as operator:
        first, second = await a_device(running), await a_device(running, "poste-2")
        async with session(first) as one, session(second) as two:
            await one.greet()
            await two.greet(a_hello(boot_id="boot-2"))
            asked = await operator.asks(question="uptime", site=SITE)
            asking = {
                name: asyncio.ensure_future(
                    device.received_until(lambda message: message.HasField("ask"))
                )
                for name, device in (("one", one), ("two", two))
            }
            done, waiting = await asyncio.wait(asking.values(), return_when=asyncio.FIRST_COMPLETED)
            still_one = len(done)
            busy = one if asking["one"] in done else two
            await busy.send(an_answer(asked["id"], "3", "3"))
            await asyncio.wait(waiting)
            await (two if busy is one else one).send(an_answer(asked["id"], "4", "4"))
            lines = await operator.follows(asked["id"])

    assert still_one == 1
    assert lines[-1]["progress"]["outcomes"] == {"ok": 2}


async def test_a_cancelled_question_reaches_nobody_and_is_done(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running, asker(running) as operator:
        identity = await a_device(running)
        asked = await operator.asks(question="uptime", devices=[identity.device_id])
        await operator.cancels(asked["id"])
        async with session(identity) as device:
            welcome = await device.greet()
        shown = await operator.gets(asked["id"])

    assert not welcome.asks
    assert shown["progress"]["done"]
    assert shown["cancelled_at"]
