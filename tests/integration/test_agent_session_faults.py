"""Whatever breaks between agent and server, nothing is lost and nothing counts twice."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from random import Random

import grpc
import pytest

import fakes.agent_process
from fakes.authority import Authority
from fakes.cutting_proxy import CuttingProxy
from fakes.delivering_agent import Agent
from fakes.scripted_server import FakeServer, Scene
from reporting import a_report, a_snapshot
from vigie.v1 import returning, snapshot_pb2, telemetry_pb2
from vigie_agent.domain.errors import DeviceDisabled, IdentityMissing
from vigie_agent.domain.orders import ServerConfig
from vigie_agent.domain.snapshot import Report

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    made = FakeServer(Authority())
    await made.start()
    yield made
    await made.die()


@pytest.fixture
def agent(server: FakeServer, tmp_path: Path) -> Agent:
    return Agent(server, tmp_path)


def usb(number: int) -> Report:
    """A report that no other equals, and that does not compress well."""
    return a_report(a_snapshot("usb_storage", str(number), Random(number).randbytes(600).hex()))


def numbers(server: FakeServer) -> list[int]:
    """The reports that the server has, in its order."""
    taken = server.store.committed
    return [
        int(min(row[0] for row in one.rows or [] if row[0].isdecimal() and len(row[0]) < 9))
        for one in taken
    ]


async def test_a_server_that_is_away_for_an_hour_finds_everything_when_it_is_back(
    server: FakeServer, agent: Agent
) -> None:
    await server.die()
    left = agent.hands.boot

    async with agent.running():
        number = 0
        while agent.hands.boot - left < timedelta(hours=1):
            number += 1
            agent.collect(usb(number))
            await agent.waits.next()
        await server.start()
        await server.until(lambda: len(server.store.committed) == number)

    assert numbers(server) == list(range(1, number + 1))
    assert max(agent.waits.spans) <= timedelta(minutes=5)


@pytest.mark.parametrize("seed", range(4))
async def test_a_connection_cut_in_the_middle_of_a_message_costs_nothing(
    server: FakeServer, agent: Agent, seed: int
) -> None:
    random = Random(seed)
    budgets = chain((random.randrange(1_500, 30_000) for _ in range(12)), repeat(None))
    proxy = CuttingProxy(server.telemetry_port, budgets)
    for number in range(1, 61):
        agent.collect(usb(number))

    async with proxy.listening():
        agent.reach(f"127.0.0.1:{proxy.port}")
        async with agent.running():
            await server.until(lambda: len(server.store.committed) == 60)

    assert numbers(server) == list(range(1, 61))
    assert proxy.cuts > 3


async def test_a_server_killed_between_commit_and_acknowledgement_counts_nothing_twice(
    server: FakeServer, agent: Agent
) -> None:
    server.scripts = [commit_without_a_word] * 3
    for number in range(1, 11):
        agent.collect(usb(number))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 10)

    assert numbers(server) == list(range(1, 11))


async def commit_without_a_word(scene: Scene) -> None:
    """Takes three reports, and breaks before it acknowledges any."""
    await scene.welcome()
    for _ in range(3):
        scene.commit(await scene.hear_report())
    await scene.context.abort(grpc.StatusCode.UNAVAILABLE, "killed")


async def test_a_server_restored_from_a_backup_gets_every_topic_whole_again(
    server: FakeServer, agent: Agent
) -> None:
    for topic in ("firewall", "antivirus"):
        agent.collect(a_report(a_snapshot(topic, "on")))
    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 2)
        await server.die()
        server.store.epoch = b"epoch-2"
        server.store.held.clear()
        server.store.committed.clear()
        server.store.last_seq.clear()
        await server.start()

        await server.until(lambda: len(server.store.committed) == 2)

    assert {taken.topic: taken.rows for taken in server.store.committed} == {
        "firewall": [("on",)],
        "antivirus": [("on",)],
    }
    assert server.hellos[-1].store_epoch == b"epoch-1"


async def test_a_lost_spool_begins_another_sequence_with_everything_whole(
    server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    agent.collect(a_report(a_snapshot("firewall", "on")))
    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)
    (tmp_path / "spool.db").unlink()

    again = Agent(server, tmp_path)
    again.collect(a_report(a_snapshot("firewall", "on")))
    async with again.running():
        await server.until(lambda: len(server.store.committed) == 2)

    assert [taken.seq for taken in server.store.committed] == [1, 1]
    assert server.store.committed[-1].rows == [("on",)]
    assert server.hellos[0].spool_id != server.hellos[1].spool_id


async def test_a_re_imaged_agent_loses_nothing_of_what_it_collects_afterwards(
    server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    agent.collect(usb(1))
    agent.spool.close()
    shutil.copytree(tmp_path, tmp_path / "image", ignore=shutil.ignore_patterns("image"))
    for number in (2, 3):
        agent.collect(usb(number))
    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 3)

    restored = Agent(server, tmp_path / "image")
    for number in (4, 5, 6, 7):
        restored.collect(usb(number))
    async with restored.running():
        await server.until(lambda: len(server.store.committed) == 7)

    assert numbers(server) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_damaged_spool_in_mid_session_is_announced_before_it_is_used(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(usb(1))
    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)
        agent.spool.erase()
        agent.collect(usb(2))

        await server.until(lambda: len(server.store.committed) == 2)

    assert numbers(server) == [1, 2]
    assert [taken.seq for taken in server.store.committed] == [1, 1]


async def test_a_clock_a_year_off_neither_loses_nor_reorders_anything(
    server: FakeServer, agent: Agent
) -> None:
    for number, jump in enumerate((0, 365, -730, 365), start=1):
        agent.hands.wall += timedelta(days=jump)
        agent.collect(
            a_report(
                *usb(number).snapshots, collected_at=agent.hands.wall, boot_clock=agent.hands.boot
            )
        )

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 4)

    assert numbers(server) == [1, 2, 3, 4]


async def test_goodbye_keeps_the_agent_away_at_least_as_long_as_asked(
    server: FakeServer, agent: Agent
) -> None:
    server.scripts = [say_goodbye]

    async with agent.running():
        await server.until(lambda: len(server.hellos) == 2)

    assert agent.waits.spans[0] == timedelta(minutes=10, seconds=1)  # and half of the most jitter


@pytest.mark.parametrize("told", [10, 600])
async def test_a_server_that_lost_its_store_is_left_alone_as_long_as_it_wants(
    server: FakeServer, agent: Agent, told: int
) -> None:
    async def lose_the_store(scene: Scene) -> None:
        later = returning.told(timedelta(seconds=told))
        await scene.context.abort(grpc.StatusCode.UNAVAILABLE, "the store is busy", later)

    server.scripts = [lose_the_store, lose_the_store]

    async with agent.running():
        await server.until(lambda: len(server.hellos) == 3)

    assert agent.waits.spans[:2] == [timedelta(seconds=told + 1)] * 2  # however often it failed


async def test_a_lost_session_is_begun_again_within_the_time_that_the_server_needs(
    server: FakeServer, agent: Agent
) -> None:
    server.reconnect = timedelta(seconds=100)
    server.scripts = [hang_up]

    async with agent.running():
        await server.until(lambda: len(server.hellos) == 2)

    assert agent.waits.spans[0] == timedelta(seconds=50)  # all of the time, by a jitter of one half


async def hang_up(scene: Scene) -> None:
    await scene.welcome()


async def say_goodbye(scene: Scene) -> None:
    goodbye = telemetry_pb2.Goodbye(reason="the server is full")
    goodbye.retry_after.FromSeconds(600)
    await scene.say(goodbye=goodbye)


async def test_disable_erases_the_device_and_stops_the_agent(
    server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    server.scripts = [disable]
    agent.collect(usb(1))

    with pytest.RaisesGroup(DeviceDisabled):
        async with agent.running():
            await agent.ended()

    assert agent.keys.load() is None
    assert not await asyncio.to_thread(spool_files, tmp_path)


def spool_files(folder: Path) -> list[Path]:
    return list(folder.glob("spool.db*"))


async def disable(scene: Scene) -> None:
    await scene.say(disable=telemetry_pb2.Disable(reason="retired"))


async def test_an_agent_without_identity_says_what_to_run(server: FakeServer, agent: Agent) -> None:
    agent.keys.erase()

    with pytest.RaisesGroup(pytest.RaisesExc(IdentityMissing, match="vigie-agent enroll")):
        async with agent.running():
            await agent.ended()

    assert server.hellos == []


async def test_a_device_that_the_server_refuses_knocks_calmly(
    server: FakeServer, agent: Agent
) -> None:
    server.refuse_session = (grpc.StatusCode.PERMISSION_DENIED, "unknown device")

    async with agent.running():
        for _ in range(12):
            await agent.waits.next()

    assert agent.waits.spans[0] == timedelta(seconds=30)
    assert max(agent.waits.spans) == timedelta(minutes=30)
    assert "unknown device" in str(agent.told["link_error"])


async def test_a_second_endpoint_is_used_when_the_first_is_dead(
    server: FakeServer, agent: Agent
) -> None:
    agent.reach("127.0.0.1:1", server.telemetry)
    agent.collect(usb(1))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert len(agent.waits.spans) >= 1


async def test_a_server_that_is_full_is_left_for_the_next_one(
    server: FakeServer, agent: Agent
) -> None:
    """At its first server such a device would ask again and again, however idle the others."""
    other = FakeServer(server.authority)
    await other.start()
    agent.reach(server.telemetry, other.telemetry)
    server.scripts = [say_goodbye] * 3
    agent.collect(usb(1))

    async with agent.running():
        await other.until(lambda: len(other.store.committed) == 1)
    await other.die()

    assert len(server.hellos) == 1


async def test_what_a_newer_server_says_is_passed_over(server: FakeServer, agent: Agent) -> None:
    server.scripts = [say_something_new]
    agent.collect(usb(1))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert len(server.hellos) == 1


async def say_something_new(scene: Scene) -> None:
    await scene.welcome()
    await scene.say()
    await scene.serve()


async def test_a_session_that_breaks_each_time_is_tried_less_and_less(
    server: FakeServer, agent: Agent
) -> None:
    server.scripts = [greet_and_break] * 8

    async with agent.running():
        await server.until(lambda: len(server.hellos) == 8)

    assert agent.waits.spans[0] == timedelta(seconds=1)
    assert agent.waits.spans[6] == timedelta(seconds=64)


async def greet_and_break(scene: Scene) -> None:
    await scene.welcome()
    await scene.context.abort(grpc.StatusCode.INTERNAL, "a bug")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_kill_9_of_either_side_at_any_moment_loses_and_repeats_nothing(
    server: FakeServer, agent: Agent, tmp_path: Path
) -> None:
    agent.spool.close()
    last, random = 600, Random(os.urandom(8))

    def has(count: int) -> Callable[[], bool]:
        return lambda: len(server.store.committed) >= min(count, last)

    for _ in range(12):
        enough = len(server.store.committed) + random.randrange(1, 40)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(fakes.agent_process.__file__)),
            str(tmp_path),
            str(last),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await server.until(has(enough))
        if random.random() < 0.5:
            await server.die()
            await server.start()
            await server.until(has(enough + 5))
        process.kill()
        await process.wait()
    again = Agent(server, tmp_path)
    async with again.running():
        await server.until(lambda: len(server.store.committed) >= again.spool.highest_seq)

    assert numbers(server) == list(range(1, len(server.store.committed) + 1))
    assert len(server.store.committed) > 12
    assert len({hello.spool_id for hello in server.hellos}) == 1


async def test_an_answer_to_a_live_question_comes_in_pieces_that_fit(
    server: FakeServer, agent: Agent
) -> None:
    agent.answers.rows = tuple((f"{number}" * 1000,) for number in range(400))
    server.scripts = [ask]

    async with agent.running():
        await server.until(lambda: any(piece.done for piece in pieces(server)))

    told = pieces(server)
    assert sum(piece.row_count for piece in told) == 400
    assert [piece.done for piece in told] == [False] * (len(told) - 1) + [True]
    assert len(told) > 2
    assert max(piece.ByteSize() for piece in told) < 400_000


async def ask(scene: Scene) -> None:
    await scene.welcome()
    await scene.say(ask=telemetry_pb2.Ask(ask_id="q-1", sql="SELECT 1", max_rows=1000))
    await scene.serve()


def pieces(server: FakeServer) -> list[telemetry_pb2.Answer]:
    return [m.answer for m in server.heard if m.WhichOneof("message") == "answer"]


async def test_more_live_questions_than_can_wait_are_refused_at_once(
    server: FakeServer, agent: Agent
) -> None:
    server.scripts = [ask_ten_times]
    agent.answers.gate.clear()

    async with agent.running():
        await server.until(lambda: len(pieces(server)) == 2)
        agent.answers.gate.set()
        await server.until(lambda: len(pieces(server)) == 10)

    refused, ok = telemetry_status("REFUSED"), telemetry_status("OK")
    assert [piece.status for piece in pieces(server)] == [refused] * 2 + [ok] * 8


def telemetry_status(name: str) -> int:
    return snapshot_pb2.SnapshotStatus.Value(f"SNAPSHOT_STATUS_{name}")


async def ask_ten_times(scene: Scene) -> None:
    await scene.welcome()
    for number in range(10):
        await scene.say(ask=telemetry_pb2.Ask(ask_id=f"q-{number}", sql="SELECT 1"))
    await scene.serve()


async def test_a_visiting_agent_answers_before_it_leaves(server: FakeServer, agent: Agent) -> None:
    server.stay = False
    server.scripts = [ask_and_acknowledge_late]
    agent.answers.gate.clear()
    agent.collect(usb(1))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)
        agent.answers.gate.set()
        await server.until(lambda: len(pieces(server)) == 1)
        await server.until(lambda: len(server.hellos) == 2)

    assert agent.waits.spans[0] == timedelta(minutes=15)


async def ask_and_acknowledge_late(scene: Scene) -> None:
    await scene.welcome()
    report = await scene.hear_report()
    await scene.say(ask=telemetry_pb2.Ask(ask_id="q-1", sql="SELECT 1"))
    scene.commit(report)
    await scene.acknowledge(report.seq)
    await scene.server.changed()
    await scene.serve()


async def test_config_and_limits_reach_those_who_follow_them(
    server: FakeServer, agent: Agent
) -> None:
    server.config = telemetry_pb2.Config(
        digest=b"d", packs={"extra": "{}"}, topic_intervals={"firewall": 60}
    )
    agent.collect(usb(1))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert agent.orders.config == ServerConfig(
        digest=b"d",
        packs={"extra": "{}"},
        topic_intervals={"firewall": timedelta(minutes=1)},
    )
