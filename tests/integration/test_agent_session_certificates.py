"""The agent's certificate over the years: renewed in time, on order, or long after it expired."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from fakes.authority import Authority
from fakes.cutting_proxy import ConnectProxy
from fakes.delivering_agent import Agent
from fakes.scripted_server import FakeServer, Scene
from reporting import a_report
from vigie.v1 import telemetry_pb2
from vigie_agent.link import wire
from vigie_agent.link.grpc_session import GrpcLink

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    made = FakeServer(Authority())
    await made.start()
    yield made
    await made.die()


@pytest.fixture
def agent(server: FakeServer, tmp_path: Path) -> Agent:
    made = Agent(server, tmp_path)
    made.hands.wall = datetime.now(UTC)  # certificates are checked against the real clock
    return made


def with_certificate_of(agent: Agent, server: FakeServer, *, age: timedelta) -> int:
    """Gives the agent a certificate of 90 days that was issued so long ago; its serial number."""
    key = agent.keys.new_key()
    issued = datetime.now(UTC) - age
    given = server.issue(agent.keys.signing_request(key), issued=issued, days=90)
    agent.keys.save(wire.issued(given), key)
    return serial_of(agent)


def serial_of(agent: Agent) -> int:
    chain = agent.identity.issued.certificate_chain
    return x509.load_der_x509_certificate(chain[0]).serial_number


async def test_a_young_certificate_is_left_alone(server: FakeServer, agent: Agent) -> None:
    with_certificate_of(agent, server, age=timedelta(days=29))
    agent.collect(a_report())

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == []


async def test_a_certificate_is_renewed_from_a_third_of_its_life_on(
    server: FakeServer, agent: Agent
) -> None:
    before = with_certificate_of(agent, server, age=timedelta(days=31))
    key = agent.identity.key
    agent.collect(a_report())

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["mutual"]
    assert server.serials == [before, serial_of(agent)]
    assert agent.identity.key != key


async def test_the_servers_clock_decides_when_a_renewal_is_due(
    server: FakeServer, agent: Agent
) -> None:
    with_certificate_of(agent, server, age=timedelta(days=1))
    server.now = lambda: datetime.now(UTC) + timedelta(days=40)
    agent.hands.wall -= timedelta(days=365)

    async with agent.running():
        await server.until(lambda: server.renewals == ["mutual"])

    assert agent.told["clock_skew_seconds"] is not None


async def test_a_renewal_is_made_when_the_server_orders_it(
    server: FakeServer, agent: Agent
) -> None:
    server.scripts = [order_renewal]
    agent.collect(a_report())
    before = serial_of(agent)

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["mutual"]
    assert serial_of(agent) != before


async def order_renewal(scene: Scene) -> None:
    await scene.welcome()
    await scene.say(renew_now=telemetry_pb2.RenewNow(reason="rotation"))
    await scene.context.read()


@pytest.mark.parametrize("days_away", [45, 300])
async def test_a_device_back_from_months_away_returns_alone(
    server: FakeServer, agent: Agent, days_away: int
) -> None:
    with_certificate_of(agent, server, age=timedelta(days=90 + days_away))
    agent.collect(a_report())

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["expired"]
    assert server.serials == [serial_of(agent)]


async def test_a_clock_that_is_behind_does_not_keep_an_expired_device_away(
    server: FakeServer, agent: Agent
) -> None:
    with_certificate_of(agent, server, age=timedelta(days=135))
    agent.hands.wall -= timedelta(days=365)
    agent.collect(a_report())

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["expired"]
    assert len(agent.waits.spans) == 6  # five failures make it doubt its clock


async def test_a_clock_that_is_ahead_does_not_make_it_renew_without_end(
    server: FakeServer, agent: Agent
) -> None:
    agent.hands.wall += timedelta(days=365)
    server.scripts = [greet_and_leave] * 4
    agent.collect(a_report())

    async with agent.running():
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["expired"]
    assert len(server.hellos) == 5


async def greet_and_leave(scene: Scene) -> None:
    await scene.welcome()
    await scene.context.abort(grpc.StatusCode.UNAVAILABLE, "gone")


async def test_while_the_expired_certificate_cannot_be_renewed_data_waits(
    server: FakeServer, agent: Agent
) -> None:
    with_certificate_of(agent, server, age=timedelta(days=135))
    agent.collect(a_report())
    await server.die()

    async with agent.running():
        for _ in range(3):
            await agent.waits.next()
        await server.start()
        await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["expired"]


async def test_a_renewal_that_cannot_be_kept_leaves_the_old_certificate_in_force(
    server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_certificate_of(agent, server, age=timedelta(days=31))
    agent.collect(a_report())

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "replace", full)
        async with agent.running():
            await server.until(lambda: len(server.store.committed) == 1)

    assert server.renewals == ["mutual"]
    assert serial_of(agent) == before


async def test_a_server_of_another_authority_is_not_spoken_to(
    server: FakeServer, agent: Agent
) -> None:
    impostor = FakeServer(Authority("impostor"))
    await impostor.start()
    agent.reach(impostor.telemetry)
    agent.collect(a_report())

    async with agent.running():
        for _ in range(3):
            await agent.waits.next()
    await impostor.die()

    assert impostor.hellos == []
    assert server.hellos == []


async def test_a_session_goes_through_an_https_proxy(server: FakeServer, agent: Agent) -> None:
    proxy = ConnectProxy()
    agent.collect(a_report())

    async with proxy.listening():
        agent.deliver.link = GrpcLink(f"http://127.0.0.1:{proxy.port}")
        async with agent.running():
            await server.until(lambda: len(server.store.committed) == 1)

    assert proxy.asked == [server.telemetry]


async def test_the_systems_proxy_is_honoured_with_its_exceptions(
    server: FakeServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = ConnectProxy()
    agent.collect(a_report())

    async with proxy.listening():
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with agent.running():
            await server.until(lambda: len(server.store.committed) == 1)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        direct = Agent(server, agent.folder)
        direct.collect(a_report())
        async with direct.running():
            await server.until(lambda: len(server.store.committed) == 2)

    assert len(proxy.asked) == 1
