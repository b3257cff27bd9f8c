"""The agent delivers over real gRPC and mutual TLS: what it collects is what the server holds."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.authority import Authority
from fakes.delivering_agent import Agent
from fakes.scripted_server import FakeServer, Scene
from reporting import a_report, a_snapshot
from vigie.v1 import telemetry_pb2 as telemetry
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


def firewall(cell: str) -> Report:
    return a_report(a_snapshot("firewall", cell))


async def test_what_is_collected_is_committed_and_forgotten(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(a_report(a_snapshot("firewall", "on", "é"), a_snapshot("usb_storage")))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 2)
        agent.collect(a_report(a_snapshot("firewall", "off")))
        await server.until(lambda: len(server.store.committed) == 3)

    assert server.store.rows("firewall") == [[("on",), ("é",)], [("off",)]]
    assert server.store.rows("usb_storage") == [[]]
    assert [taken.seq for taken in server.store.committed] == [1, 2, 3]


async def test_an_unchanged_snapshot_travels_as_its_digest_alone(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(firewall("on"))
    agent.collect(firewall("on"))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 2)
        agent.collect(firewall("on"))
        agent.collect(firewall("off"))
        agent.collect(firewall("on"))
        await server.until(lambda: len(server.store.committed) == 5)

    whole = [taken.rows is not None for taken in server.store.committed]
    assert whole == [True, False, False, True, True]


async def test_no_more_is_in_flight_than_the_server_allows(
    server: FakeServer, agent: Agent
) -> None:
    server.limits = telemetry.Limits(max_in_flight=3)
    server.scripts = [acknowledge_nothing_until_a_heartbeat]
    server.heartbeat = timedelta(milliseconds=20)
    for cell in "abcdef":
        agent.collect(firewall(cell))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 6)

    kinds = [message.WhichOneof("message") for message in server.heard]
    assert kinds[:4] == ["report", "report", "report", "heartbeat"]


async def acknowledge_nothing_until_a_heartbeat(scene: Scene) -> None:
    await scene.welcome()
    while (message := await scene.hear()) is not None:
        if message.WhichOneof("message") == "heartbeat":
            break
        scene.commit(message.report)
    await scene.acknowledge(scene.server.store.last_seq[scene.hello.spool_id])
    await scene.serve()


async def test_one_acknowledgement_settles_all_up_to_it(server: FakeServer, agent: Agent) -> None:
    server.heartbeat = timedelta(milliseconds=20)
    server.scripts = [acknowledge_the_third_only]
    for cell in "abc":
        agent.collect(firewall(cell))

    async with agent.running():
        await server.until(lambda: said_pending(server)[-1:] == [0])

    assert [taken.seq for taken in server.store.committed] == [1, 2, 3]


async def acknowledge_the_third_only(scene: Scene) -> None:
    await scene.welcome()
    for _ in range(3):
        scene.commit(await scene.hear_report())
    await scene.acknowledge(3)
    await scene.serve()


def said_pending(server: FakeServer) -> list[int]:
    """What each heartbeat said to wait in the spool."""
    return [
        message.heartbeat.pending_reports
        for message in server.heard
        if message.WhichOneof("message") == "heartbeat"
    ]


async def test_a_rejected_report_does_not_block_those_behind_it(
    server: FakeServer, agent: Agent
) -> None:
    server.rejects = lambda report: "never" if report.snapshots[0].topic == "broken" else None
    agent.collect(a_report(a_snapshot("broken", "x")))
    agent.collect(firewall("on"))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.store.rejected == [1]
    assert [message.report.seq for message in server.heard] == [1, 2]


async def test_after_a_rejection_the_same_content_travels_whole_again(
    server: FakeServer, agent: Agent
) -> None:
    server.rejects = lambda report: "not now" if report.seq == 1 else None
    agent.collect(firewall("on"))

    async with agent.running():
        await server.until(lambda: server.store.rejected == [1])
        agent.collect(firewall("on"))
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.store.rows("firewall") == [[("on",)]]


async def test_a_resend_is_served_as_collected_without_collecting_again(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(firewall("on"))
    agent.collect(a_report(a_snapshot("antivirus", "on")))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 2)
        server.store.held.clear()
        agent.collect(firewall("on"))
        await server.until(lambda: len(server.store.committed) == 3)

    last = server.store.committed[-1]
    assert (last.topic, last.rows, last.seq) == ("firewall", [("on",)], 4)
    assert last.report.collected_at == server.store.committed[0].report.collected_at


async def test_a_snapshot_over_the_limits_travels_as_too_large_and_once(
    server: FakeServer, agent: Agent
) -> None:
    server.limits = telemetry.Limits(max_in_flight=4, max_rows_per_snapshot=2)
    agent.collect(a_report(a_snapshot("firewall", "a", "b", "c")))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    (taken,) = server.store.committed
    assert taken.report.snapshots[0].status == 8
    assert taken.report.snapshots[0].message == "more than 2 rows"
    assert taken.rows == []
    assert agent.orders.limits is not None
    assert agent.orders.limits.max_rows == 2


async def test_elapsed_is_told_by_the_boot_clock_whatever_the_wall_clock_does(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(a_report(boot_clock=agent.hands.boot))
    agent.hands.boot += timedelta(hours=2)
    agent.hands.wall -= timedelta(days=365)

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    report = server.store.committed[0].report
    assert report.elapsed.ToTimedelta() == timedelta(hours=2)
    assert report.collected_at.ToDatetime() > report.sent_at.ToDatetime()


async def test_elapsed_is_absent_once_the_machine_has_booted(
    server: FakeServer, agent: Agent
) -> None:
    agent.collect(a_report(boot_id="an earlier boot"))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert not server.store.committed[0].report.HasField("elapsed")


async def test_a_heartbeat_says_that_the_device_lives(server: FakeServer, agent: Agent) -> None:
    server.heartbeat = timedelta(milliseconds=10)

    async with agent.running():
        await server.until(lambda: len(server.heard) >= 2)

    assert {message.WhichOneof("message") for message in server.heard} == {"heartbeat"}


async def test_a_visiting_agent_delivers_leaves_and_comes_back(
    server: FakeServer, agent: Agent
) -> None:
    server.stay = False
    server.visit = timedelta(hours=1)
    agent.collect(firewall("on"))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1 and len(server.hellos) == 3)

    assert agent.waits.spans[:2] == [timedelta(hours=1)] * 2


async def test_stopping_does_not_wait_for_the_server(server: FakeServer, agent: Agent) -> None:
    server.scripts = [say_nothing]

    async with agent.running():
        await server.until(lambda: len(server.hellos) == 1)

    assert agent.waits.spans == [timedelta()]


async def say_nothing(_: Scene) -> None:
    await asyncio.Event().wait()


TOGETHER = telemetry.Limits(max_snapshots_per_report=64, max_in_flight=16)


async def test_topics_collected_since_the_last_session_travel_in_one_report(
    server: FakeServer, agent: Agent
) -> None:
    server.limits = TOGETHER
    for topic in ("firewall", "antivirus", "usb_storage"):
        agent.collect(
            a_report(
                a_snapshot(topic, "on"),
                collected_at=agent.hands.wall,
                boot_clock=agent.hands.boot,
                boot_id=agent.boot_id,
            )
        )
        agent.hands.advance(timedelta(minutes=5))

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 3)

    (report,) = {id(taken.report): taken.report for taken in server.store.committed}.values()
    ages = [snapshot.elapsed.ToTimedelta() for snapshot in report.snapshots]
    assert ages == [timedelta(minutes=minutes) for minutes in (15, 10, 5)]
    assert (report.seq, report.elapsed.ToTimedelta()) == (3, timedelta(minutes=15))


async def test_of_a_refused_report_of_several_each_is_sent_again_alone(
    server: FakeServer, agent: Agent
) -> None:
    server.limits = TOGETHER
    server.rejects = lambda report: (
        "never" if any(one.topic == "broken" for one in report.snapshots) else None
    )
    for topic in ("firewall", "broken", "usb_storage"):
        agent.collect(a_report(a_snapshot(topic, "on")))

    async with agent.running():
        await server.until(lambda: len(server.store.rejected) == 2)
        await server.until(lambda: len(server.store.committed) == 2)

    assert server.store.rows("firewall") == server.store.rows("usb_storage") == [[("on",)]]
    sent = [
        sorted(one.topic for one in message.report.snapshots)
        for message in server.heard
        if message.WhichOneof("message") == "report"
    ]
    assert sent == [
        ["broken", "firewall", "usb_storage"],
        ["broken"],
        ["firewall"],
        ["usb_storage"],
    ]


async def test_what_the_server_does_not_keep_travels_whole_in_each_session_once(
    server: FakeServer, agent: Agent
) -> None:
    agent.deliver.not_kept = {"network"}
    server.limits, server.stay = TOGETHER, False
    both = a_report(a_snapshot("network", "at work"), a_snapshot("firewall", "on"))
    agent.collect(both)
    agent.collect(both)

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 4)
        server.store.held.pop("network")  # as a server forgets it
        agent.collect(both)
        await server.until(lambda: len(server.store.committed) == 6)

    def whole(topic: str) -> list[bool]:
        return [one.rows is not None for one in server.store.committed if one.topic == topic]

    assert whole("network") == [True, False, True]
    assert whole("firewall") == [True, False, False]
