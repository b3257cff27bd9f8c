"""Where devices are, over a running server: judged on arrival, and nothing but the state kept."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scraped
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_report,
    a_snapshot,
    enrolled,
    session,
    unchanged,
)
from vigie.v1 import snapshot_pb2
from vigie_server.clock import utc_now
from vigie_server.settings import SweepSettings
from vigie_server.store.administration import Administration

COLUMNS = ("part", "collected", "why", "interface", "mac", "address", "gateway_mac")
INVENTORY = ("part", "collected", "why", "hostname", "os_name", "os_version", "chassis")
AT_ONCE = SweepSettings(every=timedelta(hours=1), views_every=timedelta(milliseconds=20))
HOME = "192.0.2.77"
AT_WORK = "198.51.100.23"


def a_network(address: str) -> snapshot_pb2.Snapshot:
    row = ("interfaces", "yes", "", "wlan0", "02:00:5e:10:00:10", address, "")
    return a_snapshot("network", COLUMNS, [row])


def a_laptop() -> snapshot_pb2.Snapshot:
    row = ("system", "yes", "", "portable-3", "Debian GNU/Linux", "12", "laptop")
    return a_snapshot("inventory", INVENTORY, [row])


def settle(running: RunningServer, *networks: str) -> None:
    """The site says where it is; its devices' sessions notice."""
    with running.server.database.writing() as connection:
        connection.execute(text("UPDATE site SET networks = :n"), {"n": json.dumps(networks)})
        connection.execute(text("UPDATE device SET revision = revision + 1"))


def everything_stored(running: RunningServer) -> str:
    """All that the store's file and its journal hold, as it lies on the disk."""
    folder = running.server.settings.data
    return "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.glob("vigie.db*")))


async def becomes_other_than(running: RunningServer, device_id: str, before: bool) -> bool:
    """Whether it is nomadic, once that changed; the test's own time limit ends a vain wait."""
    while running.fleet.device(device_id).nomadic is before:  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.01)
    return not before


async def a_device(running: RunningServer) -> ScriptedIdentity:
    identity = await enrolled(running.token(), running.authority.certificate_pem)
    settle(running, "198.51.100.0/24")
    return identity


async def test_a_laptop_that_was_away_is_nomadic_for_thirty_days(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        identity = await a_device(running)
        states = []
        async with session(identity) as device:
            await device.greet()
            for seq, address in enumerate((AT_WORK, HOME, AT_WORK), start=1):
                await device.send(a_report(seq, a_laptop(), a_network(address)))
                await device.acknowledged(seq)
                found = running.fleet.device(identity.device_id)
                states.append((found.whereabouts.presence, found.nomadic))
            clock.ahead = timedelta(days=31)
            await device.send(a_report(4, a_firewall("1")))
            await device.acknowledged(4)
        later = running.fleet.device(identity.device_id)

    assert states == [("on_site", False), ("off_site", True), ("on_site", True)]
    assert not later.nomadic


async def test_of_the_network_nothing_but_the_state_is_stored(tmp_path: Path) -> None:
    network = a_network(HOME)
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, network, a_firewall("1")))
            await device.acknowledged(1)
            await device.send(a_report(2, unchanged(network)))
            await device.acknowledged(2)
        with running.server.database.reading() as connection:
            topics = connection.execute(text("SELECT topic FROM evidence")).scalars().all()
        stored = everything_stored(running)

    assert topics == ["firewall"]
    assert HOME not in stored
    assert network.digest.decode("latin-1") not in stored


async def test_a_site_that_moves_asks_its_devices_again(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_network(HOME)))
            await device.acknowledged(1)
        settle(running, "192.0.2.0/24")
        async with session(identity) as device:
            await device.greet()
            asked = await device.received()
            await device.send(a_report(2, a_network(HOME)))
            await device.acknowledged(2)
        found = running.fleet.device(identity.device_id)

    assert asked is not None
    assert list(asked.resend.topics) == ["network"]
    assert found.whereabouts.presence == "on_site"


async def test_a_visit_is_not_asked_for_what_it_says_whole_by_itself(tmp_path: Path) -> None:
    async with running_server(tmp_path, sessions={"held": 0}) as running:
        identity = await a_device(running)
        orders, presences = [], []
        for seq, address in enumerate((AT_WORK, HOME, AT_WORK), start=1):
            settle(running, "198.51.100.0/24")
            async with session(identity) as device:
                await device.greet()
                await device.send(a_report(seq, a_network(address), a_firewall("1")))
                await device.done()
                while (order := await device.received()) is not None:
                    orders.append(order.WhichOneof("message"))
            presences.append(running.fleet.device(identity.device_id).whereabouts.presence)

    assert orders == ["ack"] * 3
    assert presences == ["on_site", "off_site", "on_site"]


async def test_what_a_person_says_of_a_device_stands_when_it_reports(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        acts = Administration(running.server.database)
        acts.declare_nomadic(identity.device_id, nomadic=False, now=utc_now(), actor="test")
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_laptop(), a_network(HOME)))
            await device.acknowledged(1)
        found = running.fleet.device(identity.device_id)

    assert (found.whereabouts.presence, found.nomadic) == ("off_site", False)


async def test_what_a_person_says_of_a_device_holds_before_it_reports_again(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path, sweep=AT_ONCE) as running:
        settle(running, "198.51.100.0/24")
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_laptop(), a_network(HOME)))
            await device.acknowledged(1)
        acts = Administration(running.server.database)
        said = [running.fleet.device(identity.device_id).nomadic]

        for nomadic in (False, None):
            acts.declare_nomadic(identity.device_id, nomadic=nomadic, now=utc_now(), actor="test")
            said.append(await becomes_other_than(running, identity.device_id, said[-1]))

    assert said == [True, False, True]


async def test_metrics_show_that_a_device_is_nomadic_although_no_verdict_moves(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path, sweep=AT_ONCE) as running:
        identity = await a_device(running)
        acts = Administration(running.server.database)

        async def shown(value: int) -> int:
            line = f'device="{identity.device_id}",site="Les Tilleuls"}} {value}\n'
            await scraped(running, wanted=lambda page: f"vigie_device_nomadic{{{line}" in page)
            return value

        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_laptop(), a_network(AT_WORK)))
            seen = [await shown(0)]
            await device.send(a_report(2, a_network(HOME)))
            seen.append(await shown(1))
        for value in (0, 1):
            said = bool(value)
            acts.declare_nomadic(identity.device_id, nomadic=said, now=utc_now(), actor="test")
            seen.append(await shown(value))

    assert seen == [0, 1, 0, 1]
