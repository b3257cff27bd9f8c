"""More devices than a server wants at once: who stays, who comes back, who is kept at the door."""

from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import grpc
import pytest

from fakes.running_server import RunningServer, running_server
from fakes.scraping import scraped
from fakes.scripted_device import ScriptedIdentity, ScriptedSession, a_hello, enrolled, session
from vigie_server.settings import SessionSettings


async def devices(running: RunningServer, count: int) -> list[ScriptedIdentity]:
    token = running.token(uses=count, serials=tuple(f"S{number}" for number in range(count)))
    authority = running.authority.certificate_pem
    return [await enrolled(token, authority, serial=f"S{number}") for number in range(count)]


async def left(device: ScriptedSession) -> None:
    await device.done()
    while await device.received() is not None:
        pass


async def let_in(identity: ScriptedIdentity) -> bool:
    async with session(identity) as device:
        with suppress(grpc.aio.AioRpcError):
            await device.greet()
            return True
    return False


async def test_who_comes_first_stays_and_others_come_back_until_there_is_a_place(
    tmp_path: Path,
) -> None:
    one_stays = SessionSettings(held=1, visit=timedelta(minutes=10))
    async with running_server(tmp_path, sessions=one_stays) as running:
        first, second = await devices(running, 2)
        async with session(first) as staying:
            stays = await staying.greet()
            async with session(second) as visiting:
                comes_back = await visiting.greet()
                await left(visiting)
            await left(staying)
        async with session(second) as visiting:
            stays_now = await visiting.greet()
            async with session(first) as late:
                lost_its_place = await late.greet()

    told = [welcome.intervals.stay for welcome in (stays, comes_back, stays_now, lost_its_place)]
    assert told == [True, False, True, False]
    visit = comes_back.intervals.visit.ToTimedelta()
    assert timedelta(minutes=5) <= visit <= timedelta(minutes=15)


async def test_the_first_that_stays_is_told_to_come_back_among_all_that_will(
    tmp_path: Path,
) -> None:
    slowly = SessionSettings(held=2, per_second=0.1)
    async with running_server(tmp_path, sessions=slowly) as running:
        known = await devices(running, 3)
    async with running_server(tmp_path, sessions=slowly) as running:
        await scraped(running, "/metrics/fleet")  # every device is shown
        here, told = f"localhost:{running.addresses.telemetry}", []
        async with AsyncExitStack() as connected:
            for identity in known:
                device = await connected.enter_async_context(
                    session(replace(identity, telemetry=here))
                )
                told.append((await device.greet()).intervals)

    waits = [(one.stay, one.reconnect.ToTimedelta()) for one in told]
    seconds = timedelta(seconds=1)
    assert waits == [(True, 20 * seconds), (True, 20 * seconds), (False, 20 * seconds)]


async def test_a_device_that_connects_anew_keeps_its_place(tmp_path: Path) -> None:
    async with running_server(tmp_path, sessions=SessionSettings(held=1)) as running:
        (only,) = await devices(running, 1)
        async with session(only) as before, session(only) as again:
            await before.greet()
            welcome = await again.greet()

    assert welcome.intervals.stay


async def test_a_visit_that_says_nothing_is_ended(tmp_path: Path) -> None:
    short = SessionSettings(held=0, visit_within=timedelta(seconds=1))
    async with running_server(tmp_path, sessions=short) as running:
        (only,) = await devices(running, 1)
        async with session(only) as device:
            welcome = await device.greet()
            farewell = await device.received()

    assert farewell is not None
    assert farewell.goodbye.reason == "nothing was said for long"
    assert farewell.goodbye.retry_after == welcome.intervals.visit


async def test_connections_beyond_those_wanted_are_closed_before_tls(tmp_path: Path) -> None:
    async with running_server(tmp_path) as roomy:
        enrolled_ones = await devices(roomy, 3)
    async with running_server(tmp_path, sessions=SessionSettings(held=1, visitors=1)) as running:
        here = f"localhost:{running.addresses.telemetry}"
        identities = [replace(identity, telemetry=here) for identity in enrolled_ones]
        async with AsyncExitStack() as connected:
            for identity in identities[:2]:
                device = await connected.enter_async_context(session(identity))
                await device.greet()
            third = await connected.enter_async_context(session(identities[2]))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await third.greet()
        while not await let_in(identities[2]):  # once the others have gone there is room
            pass

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_metrics_tell_for_how_many_devices_there_is_room(tmp_path: Path) -> None:
    room = SessionSettings(held=7, visitors=30)
    async with running_server(tmp_path, sessions=room) as running:
        page = await scraped(running, "/metrics/server")

    assert 'vigie_session_places{kind="held"} 7.0' in page
    assert 'vigie_session_places{kind="visiting"} 30.0' in page


async def test_a_stopping_server_gives_each_device_its_own_time(tmp_path: Path) -> None:
    slow = SessionSettings(per_second=0.01)
    async with running_server(tmp_path, sessions=slow) as running:
        identities = await devices(running, 3)
        async with AsyncExitStack() as connected:
            sessions = [
                await connected.enter_async_context(session(identity)) for identity in identities
            ]
            for device in sessions:
                await device.greet(a_hello())
            running.stop.set()
            farewells = [await device.received() for device in sessions]

    waits = sorted(
        farewell.goodbye.retry_after.ToTimedelta() for farewell in farewells if farewell is not None
    )
    assert len(waits) == 3
    assert waits[0] == timedelta(seconds=2)
    assert [round((later - one).total_seconds()) for one, later in pairwise(waits)] == [100, 100]
