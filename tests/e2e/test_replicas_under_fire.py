"""Two servers over one PostgreSQL under load: kill -9 of either, and of PostgreSQL itself.

Afterwards everything that an agent made durable is in the store, once, row for row. How long it
goes on is set from outside: VIGIE_TEST_REPLICA_KILLS and VIGIE_TEST_OUTAGE_SECONDS.
"""

import asyncio
import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2
import pytest

from fakes.held import broken_histories, held_by
from fakes.postgres import PostgresServer, own_postgres
from fakes.secure_http import secure_client
from forked import ForkedProgram
from ledger import differences, read_ledger
from programs import ANSWERS_WITHIN, Program, ServerProgram
from vigie_server.store.database import Database

KILLS = int(os.environ.get("VIGIE_TEST_REPLICA_KILLS", "3"))
OUTAGE = timedelta(seconds=float(os.environ.get("VIGIE_TEST_OUTAGE_SECONDS", "6")))
CROWD = 16
SLOWLY = {
    "VIGIE_SERVER_SESSIONS__PER_SECOND": "0.5",
    "VIGIE_SERVER_SESSIONS__OVERLOAD_RETRY": "1",
}
"""Each server has a device come back every two seconds: the crowd takes as many seconds as it has
members."""
TESTS = Path(__file__).parents[1]
SITE = "les-lilas"
SKEW = "vigie_device_clock_skew_seconds"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.timeout(300 + 30 * KILLS + 5 * OUTAGE.total_seconds()),
]


@dataclass
class Replicas:
    """Two servers, their PostgreSQL, and a crowd of agents that knows both."""

    postgres: PostgresServer
    servers: tuple[ServerProgram, ServerProgram]
    folder: Path

    def crowd(self, token: str = "", *, drain: bool = False) -> Program:
        arguments = [sys.executable, "-m", "fakes.hammering_crowd", str(self.folder), str(CROWD)]
        return Program(
            [*arguments, "--drain"] if drain else arguments,
            {"PYTHONPATH": str(TESTS), "CROWD_TOKEN": token},
        )

    async def token(self) -> str:
        """An enrolment token for the whole crowd."""
        made = await self.servers[0].command(
            "token", "create", "--site", SITE, "--uses", str(CROWD)
        )
        return made.strip()

    @property
    def leader(self) -> ServerProgram | None:
        """The server whose log says that it leads."""
        for server in self.servers:
            said = [e["event"] for e in server.program.events if "leading" in str(e["event"])]
            if server.program.running and said[-1:] == ["leading_began"]:
                return server
        return None

    async def is_led(self) -> bool:
        """Whether one of them leads."""
        return self.leader is not None

    async def drained(self) -> None:
        """Has the crowd deliver all that it kept."""
        drain = self.crowd(drain=True)
        await drain.start()
        async with asyncio.timeout(120 + 2 * OUTAGE.total_seconds()):
            await drain.ended()
        assert not drain.failed, drain.last_words()

    def wrong(self) -> list[str]:
        """How the store differs from what the crowd collected."""
        lines = (self.folder / "ledger").read_text().splitlines()
        ledger = read_ledger(json.loads(line) for line in lines)
        database = Database(self.postgres.url)
        held = held_by(database)
        found = [*differences(ledger, held), *broken_histories(database)]
        database.close()
        print(f"{len(ledger.kept)} reports kept, {len(held)} stored, {len(found)} differences")
        assert len(ledger.kept) > CROWD
        return found


@contextmanager
def two_replicas(
    folder: Path, postgres: PostgresServer, given: Mapping[str, str]
) -> Iterator[Replicas]:
    """Two servers that have their folders, their authority and each other's address."""
    common = {
        "VIGIE_SERVER_STORE__URL": postgres.url,
        "VIGIE_SERVER_STORE__LEAD_EVERY": "0.5",
        "VIGIE_SERVER_SWEEP__EVERY": "1",
        **given,
    }
    servers = (
        ServerProgram(folder / "server-a", common),
        ServerProgram(folder / "server-b", common),
    )
    for server in servers:  # they are killed and started again and again
        server.program = ForkedProgram(("vigie_server.cli.main:main", "serve"), server.environment)
    for kind in ("telemetry", "enrolment"):
        both = json.dumps([f"127.0.0.1:{getattr(server, kind)}" for server in servers])
        for server in servers:
            server.environment[f"VIGIE_SERVER_ADVERTISED__{kind.upper()}"] = both
    yield Replicas(postgres, servers, folder / "crowd")


@pytest.fixture
async def replicas(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Replicas]:
    """They run, with the settings that a test gives beside those of all of them."""
    with own_postgres() as postgres:
        postgres.start()
        with two_replicas(tmp_path, postgres, getattr(request, "param", {})) as made:
            first, second = made.servers
            await first.command("init")
            shutil.copytree(first.data / "ca", second.data / "ca")
            await second.command("init")
            for server in made.servers:
                await server.start()
            try:
                yield made
            finally:
                for server in made.servers:
                    await server.program.kill()


class NothingShown(Exception):
    """The server has just started, or its store is busy: Prometheus scrapes again."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads `/metrics/fleet` of either server."""

    servers: tuple[ServerProgram, ServerProgram]
    token: str

    async def page(self, server: ServerProgram) -> str:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with secure_client(server.https_authority, headers=headers) as client:
            answer = await client.get(f"https://127.0.0.1:{server.http}/metrics/fleet")
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    async def samples(self, server: ServerProgram) -> dict[str, float]:
        """What it shows. Raises NothingShown."""
        page = await self.page(server)
        if page == "503":
            raise NothingShown
        assert not page.isdigit(), f"a scrape was answered {page}"
        lines = page.splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}


async def reader_of(replicas: Replicas) -> Reader:
    made = await replicas.servers[0].command("token", "api", "create", "--role", "admin")
    return Reader(replicas.servers, made.split()[-1])


async def watched(reader: Reader, stop: asyncio.Event) -> list[str]:
    """Scrapes both until stopped; what went back on either of them."""
    wrong: list[str] = []
    shown: dict[tuple[int, str], float] = {}
    while not stop.is_set():
        for which, server in enumerate(reader.servers):
            with suppress(httpx2.TransportError, NothingShown):  # it is dead just now
                for name, value in (await reader.samples(server)).items():
                    if name.startswith("vigie_device_last_report"):
                        before = shown.get((which, name), 0)
                        if value < before:
                            wrong.append(f"{name} on {which}: {before}, then {value}")
                        shown[which, name] = value
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.3)
    return wrong


async def test_either_is_killed_again_and_again_and_nothing_is_lost_or_counted_twice(
    replicas: Replicas,
) -> None:
    chance = random.Random(20261125)
    reader = await reader_of(replicas)
    crowd, stop = replicas.crowd(await replicas.token()), asyncio.Event()
    await crowd.start()
    await crowd.event("hammering")
    await in_the_end(replicas.is_led)

    taken_over = 0
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watched(reader, stop))
        for _ in range(KILLS):
            # The fault itself: a moment nobody chose.
            await asyncio.sleep(chance.uniform(0.5, 2.5))
            victim = chance.choice(replicas.servers)
            (other,) = (server for server in replicas.servers if server is not victim)
            led, heard = victim is replicas.leader, len(other.program.events)
            await victim.program.kill()
            if led:
                await other.program.event("leading_began", after=heard)
                taken_over += 1
            await victim.start()
        leader = replicas.leader
        assert leader is not None
        (other,) = (server for server in replicas.servers if server is not leader)
        heard = len(other.program.events)
        await leader.program.kill()
        await other.program.event("leading_began", after=heard)
        await leader.start()
        stop.set()
    await crowd.kill()
    await replicas.drained()

    assert watching.result() == []
    wrong = replicas.wrong()
    assert not wrong, "\n".join(wrong[:20])
    spoken = {e["server"] for e in crowd.events if e.get("event") == "session_opened"}
    assert len(spoken) == 2  # sessions moved
    await both_agree(reader)


async def both_agree(reader: Reader) -> None:
    """Returns once both show the same, which a quiet fleet makes them do.

    But for clock skews: each greeting measures one anew, and none is told of for that alone.
    """
    apart: set[str] = set()
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            while True:
                with suppress(NothingShown):  # one of them has just started
                    pages = [await reader.samples(server) for server in reader.servers]
                    first, second = (
                        {name: value for name, value in page.items() if SKEW not in name}
                        for page in pages
                    )
                    if first == second:
                        return
                    apart = {name for name in first | second if first.get(name) != second.get(name)}
                await asyncio.sleep(0.25)
    except TimeoutError:
        raise AssertionError(f"they differ in {sorted(apart)[:10]}") from None


def opened_each_second(servers: tuple[ServerProgram, ...], since: datetime) -> list[int]:
    """Sessions that began in each second from that instant on."""
    found: Counter[int] = Counter()
    for server in servers:
        for event in server.program.events:
            if event.get("event") == "session_opened":
                at = datetime.fromisoformat(str(event["timestamp"]))
                if at >= since:
                    found[int((at - since).total_seconds())] += 1
    return [found[second] for second in range(max(found, default=-1) + 1)]


@pytest.mark.parametrize("replicas", [pytest.param(SLOWLY, id="")], indirect=True)
async def test_postgres_dies_for_a_while_and_everything_arrives_without_a_herd(
    replicas: Replicas,
) -> None:
    crowd = replicas.crowd(await replicas.token())
    await crowd.start()
    await crowd.event("hammering")
    began = moment(await crowd.event("session_opened"))
    await settled(replicas.servers)

    await asyncio.to_thread(replicas.postgres.stop, "immediate")
    await asyncio.sleep(OUTAGE.total_seconds())  # how long it is away
    assert all(server.program.running for server in replicas.servers)
    await asyncio.to_thread(replicas.postgres.start)
    heard = [len(server.program.events) for server in replicas.servers]
    back = await first_session(replicas.servers, heard)
    await settled(replicas.servers)
    await in_the_end(replicas.is_led)
    before = opened_each_second(replicas.servers, began)
    after = opened_each_second(replicas.servers, back)
    await crowd.kill()
    await replicas.drained()

    wrong = replicas.wrong()
    assert not wrong, "\n".join(wrong[:20])
    print(f"sessions a second, at the start {before[:10]}, after the outage {after[:30]}")
    # A device adds up to two seconds of its own: those of one second had moments within three, of
    # which a server gives away two. The bound holds while no answer is five seconds late.
    assert max(after) <= CROWD // 2, after


def moment(event: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(event["timestamp"]))


async def first_session(servers: tuple[ServerProgram, ...], heard: list[int]) -> datetime:
    """When the first device was let in after these places in the logs."""
    waits = [
        asyncio.ensure_future(server.program.event("session_opened", after=place))
        for server, place in zip(servers, heard, strict=True)
    ]
    done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in rest:
        wait.cancel()
    return min(moment(wait.result()) for wait in done)


async def settled(servers: tuple[ServerProgram, ...]) -> None:
    """Returns once the whole crowd has a session."""
    async with asyncio.timeout(60 + 2 * OUTAGE.total_seconds()):
        while True:
            events = [e for server in servers for e in server.program.events]
            opened = Counter(e.get("device") for e in events if e["event"] == "session_opened")
            closed = Counter(e.get("device") for e in events if e["event"] == "session_closed")
            if sum((opened - closed).values()) >= CROWD:
                return
            await asyncio.sleep(0.1)


async def test_an_act_at_one_reaches_the_other(replicas: Replicas) -> None:
    first, second = replicas.servers
    reader = await reader_of(replicas)
    crowd = replicas.crowd(await replicas.token())
    await crowd.start()
    await crowd.event("hammering")
    await settled(replicas.servers)
    held = next(
        (server, str(event["device"]))
        for server in replicas.servers
        for event in reversed(server.program.events)
        if event["event"] == "session_opened"
    )
    server, device = held
    (other,) = (one for one in replicas.servers if one is not server)

    heard = len(server.program.events)
    await other.command("devices", "revoke", device)
    await in_the_end(partial(closed_after, server, device, heard))
    await other.command("devices", "declare", device, "stolen")
    stolen = f'vigie_site_devices{{site="{SITE}",state="stolen"}}'
    for one in (first, second):
        await in_the_end(partial(shows, reader, one, stolen))
    made = await first.command("token", "api", "create", "--role", "scrape")
    scraper = Reader(replicas.servers, made.split()[-1])
    listed = await first.command("token", "list")
    token_id = next(line.split()[0] for line in listed.splitlines() if "scrape" in line)
    assert "vigie_" in await scraper.page(second)
    await first.command("token", "revoke", token_id)

    assert await scraper.page(second) == "401"
    await crowd.kill()


async def closed_after(server: ServerProgram, device: str, heard: int) -> bool:
    """Whether the device's session has ended since that place in the server's log."""
    return any(
        event["event"] == "session_closed" and event.get("device") == device
        for event in server.program.events[heard:]
    )


async def shows(reader: Reader, server: ServerProgram, name: str) -> bool:
    """Whether the server's metrics have this one."""
    with suppress(NothingShown):
        return name in await reader.samples(server)
    return False


async def in_the_end(happened: Callable[[], Awaitable[bool]]) -> None:
    """Returns once the other process has seen to it: it looks at the log of changes each second."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while not await happened():  # noqa: ASYNC110 (it is asked of another process)
            await asyncio.sleep(0.1)
