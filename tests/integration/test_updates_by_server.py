"""A release from a server to a device over mutual TLS: what is rolled out, and nothing else."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import grpc
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from pydantic import ByteSize

from fakes.callers import Callers
from fakes.releases import PLATFORM, FakeChannel
from fakes.running_server import RunningServer, running_server
from fakes.stored import NOW, a_device, a_token, opened_store
from fakes.whole_app import whole_app
from vigie.v1 import updates_pb2_grpc
from vigie_agent.domain.errors import DeviceRefused, LinkLost, NotPublished, UpdateRefused
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.domain.releases import Offered
from vigie_agent.domain.updating import News, Standing, UpdateState, confirm, give_up
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.link.grpc_updates import GrpcUpdates, answering_server
from vigie_agent.services.enrol import Enrol
from vigie_agent.services.update import Update
from vigie_agent.services.update_by_server import UpdateByServer
from vigie_agent.updates.channel import Channel
from vigie_agent.updates.disk import Disk
from vigie_agent.updates.trying import try_out
from vigie_agent.updates.versions import Versions
from vigie_server.cli.main import main
from vigie_server.clock import utc_now
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.rolling_out import Told
from vigie_server.domain.rolling_out import UpdateState as State
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import Peer
from vigie_server.ports.tokens import Role
from vigie_server.services.offer_updates import ShowUpdates
from vigie_server.services.workers import Workers
from vigie_server.settings_updates import UpdatesSettings
from vigie_server.store.administration import Administration
from vigie_server.store.updates import Updates
from vigie_server.updates.mirror import Mirror
from vigie_server.updates.verifying import take_in

SITE = "Les Tilleuls"
SLOW = ByteSize(64 * 1024)


@pytest.fixture
def channel(tmp_path: Path) -> FakeChannel:
    """With 1.1.0 published, and larger than one message."""
    made = FakeChannel(tmp_path / "publisher").begin()
    made.publish("1.1.0", weight=200_000)
    return made


@pytest.fixture
async def running(tmp_path: Path, channel: FakeChannel) -> AsyncIterator[RunningServer]:
    """A server that mirrors the channel where it lies."""
    updates = UpdatesSettings(folder=channel.folder)
    async with running_server(tmp_path / "server", updates=updates) as server:
        yield server


@dataclass
class Device:
    """A device that is enrolled."""

    folder: Path
    root: bytes

    @property
    def versions(self) -> Versions:
        return Versions(self.folder / "updates")

    @property
    def id(self) -> str:
        identity = IdentityFiles(self.folder / "identity", FileModes()).load()
        assert identity is not None
        return identity.device_id

    @contextmanager
    def connected(self) -> Iterator[GrpcUpdates]:
        identity = IdentityFiles(self.folder / "identity", FileModes()).load()
        assert identity is not None
        with answering_server(identity, "") as server:
            yield server

    def update(self) -> Offered | None:
        """What `vigie-agent update` does."""
        with self.connected() as server:
            client = Channel(
                self.folder / "updates" / "metadata",
                self.versions.incoming,
                self.root,
                server,
                Disk(),
            )
            update = Update(client, self.versions, try_out, "1.0.0", PLATFORM, utc_now)
            return UpdateByServer(server, update)(check=False, with_server=True)


@pytest.fixture
async def device(
    running: RunningServer, channel: FakeChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Device:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path / "device"))
    return await enrolled(running, tmp_path / "device", channel)


async def enrolled(running: RunningServer, folder: Path, channel: FakeChannel) -> Device:
    enrol = Enrol(IdentityFiles(folder / "identity", FileModes()), GrpcEnrolment(), "1.0.0")
    await enrol(running.token(), HardwareClaims("pc-1", "linux"), stop=asyncio.Event())
    return Device(folder, channel.root)


def roll_out(running: RunningServer, version: str, share: int, site: str | None = None) -> None:
    Updates(running.server.database).roll_out(version, share, site, Act("test", utc_now()))


def told(running: RunningServer) -> Told:
    (found,) = Updates(running.server.database).devices()
    return found.told


async def test_nothing_is_offered_before_it_is_rolled_out(
    running: RunningServer, device: Device
) -> None:
    assert await asyncio.to_thread(device.update) is None
    roll_out(running, "1.1.0", 100)
    roll_out(running, "1.1.0", 0, SITE)
    assert await asyncio.to_thread(device.update) is None

    assert device.versions.standing() == Standing()
    assert told(running) == Told("1.0.0", PLATFORM)


async def test_a_release_that_is_rolled_out_lands_and_the_server_knows_how_it_fares(
    running: RunningServer, device: Device
) -> None:
    roll_out(running, "1.1.0", 100, SITE)

    found = await asyncio.to_thread(device.update)

    assert found is not None
    assert device.versions.standing().current == "1.1.0"
    assert told(running) == Told("1.1.0", PLATFORM, State.ON_TRIAL, "1.1.0")
    device.versions.keep(confirm(device.versions.standing(), "1.1.0"))
    assert await asyncio.to_thread(device.update) is None
    assert told(running) == Told("1.1.0", PLATFORM)


async def test_a_version_that_was_rolled_back_is_told_of_and_not_taken_again(
    running: RunningServer, device: Device
) -> None:
    roll_out(running, "1.1.0", 100)
    await asyncio.to_thread(device.update)
    device.versions.keep(
        give_up(device.versions.standing(), "its engine did not answer", utc_now())
    )

    assert await asyncio.to_thread(device.update) is None

    assert told(running) == Told(
        "1.0.0", PLATFORM, State.ROLLED_BACK, "1.1.0", "its engine did not answer"
    )


async def test_a_refusal_is_told_with_its_reason(
    running: RunningServer, device: Device, channel: FakeChannel
) -> None:
    channel.publish("2.0.0", least="1.5.0")
    roll_out(running, "2.0.0", 100)

    with pytest.raises(UpdateRefused, match=r"follows 1\.5\.0 or newer"):
        await asyncio.to_thread(device.update)
    refused = told(running)
    Updates(running.server.database).stop(None, Act("test", utc_now()))
    await asyncio.to_thread(device.update)

    assert refused.state is State.REFUSED
    assert (refused.about, "1.5.0" in refused.reason) == ("2.0.0", True)
    assert told(running) == refused


async def test_a_channel_that_was_tampered_with_is_not_offered(
    running: RunningServer, device: Device, channel: FakeChannel
) -> None:
    roll_out(running, "1.1.0", 100)
    archive = channel.publish("1.2.0")
    archive.write_bytes(archive.read_bytes()[:-1] + b"!")
    roll_out(running, "1.2.0", 100)

    assert await asyncio.to_thread(device.update) is None
    assert device.versions.standing() == Standing()


async def test_only_files_of_the_channel_are_read_from_any_place_in_them(
    device: Device, channel: FakeChannel
) -> None:
    (archive,) = (channel.folder / "targets" / PLATFORM).iterdir()
    name = f"targets/{PLATFORM}/{archive.name}"
    (channel.folder / "metadata" / "private.pem").write_text("a key")

    def read() -> None:
        with device.connected() as server:
            assert b"".join(server.read(name, offset=70_000)) == archive.read_bytes()[70_000:]
            assert b"".join(server.read(name, offset=10**9)) == b""
            for other in (
                "metadata/private.pem",
                "metadata/../../keys/targets.pem",
                "targets/../metadata/timestamp.json",
                "/etc/passwd",
                "",
                "metadata/99.root.json",
            ):
                with pytest.raises(NotPublished):
                    list(server.read(other))

    await asyncio.to_thread(read)


async def test_who_finds_every_place_taken_is_sent_away_and_metadata_takes_none(
    tmp_path: Path, channel: FakeChannel
) -> None:
    (archive,) = (channel.folder / "targets" / PLATFORM).iterdir()
    name = f"targets/{PLATFORM}/{archive.name}"

    def read(device: Device) -> None:
        with device.connected() as first, device.connected() as second:
            assert list(second.read("metadata/timestamp.json"))  # it is connected from here on
            slow = first.read(name)
            next(slow)
            with pytest.raises(LinkLost, match="come back later"):
                list(second.read(name))
            assert list(second.read("metadata/timestamp.json"))
            assert len(list(slow)) > 1

    updates = UpdatesSettings(
        folder=channel.folder, at_once=1, wait_within=timedelta(0), bytes_per_second=SLOW
    )
    async with running_server(tmp_path / "slow server", updates=updates) as running:
        device = await enrolled(running, tmp_path / "device", channel)
        began = monotonic()
        await asyncio.to_thread(read, device)

    assert monotonic() - began > 1.5  # 200 KB at 64 KiB a second


async def test_a_revoked_device_reads_nothing(running: RunningServer, device: Device) -> None:
    Administration(running.server.database).revoke(device.id, now=utc_now(), actor="test")

    def ask() -> None:
        with device.connected() as server:
            with pytest.raises(DeviceRefused):
                server.check(News("1.0.0", PLATFORM, UpdateState.CURRENT))
            with pytest.raises(DeviceRefused):
                list(server.read("metadata/timestamp.json"))

    await asyncio.to_thread(ask)


async def test_a_server_of_before_offers_nothing() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def ask() -> str:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            older = GrpcUpdates(updates_pb2_grpc.UpdateServiceStub(channel), "older")
            return older.check(News("1.0.0", PLATFORM, UpdateState.CURRENT))

    try:
        assert await asyncio.to_thread(ask) == ""
    finally:
        await server.stop(None)


@dataclass
class StopsOnceShown(OwnFigures):
    """Stops what shows figures as soon as it has."""

    registry: CollectorRegistry
    stop: asyncio.Event

    def __post_init__(self) -> None:
        super().__init__(self.registry)

    def updates(self, devices: Mapping[tuple[str, str], int], expiry: datetime | None) -> None:
        super().updates(devices, expiry)
        self.stop.set()


async def test_metrics_show_how_devices_fare_and_until_when_the_channel_is_good(
    running: RunningServer, device: Device, channel: FakeChannel
) -> None:
    await asyncio.to_thread(device.update)
    figures = StopsOnceShown(CollectorRegistry(), asyncio.Event())
    store, workers = Updates(running.server.database), Workers()

    await ShowUpdates(store, Mirror(channel.folder, None), workers, figures, 60).run(figures.stop)
    workers.close()

    shown = figures.registry.get_sample_value
    labels = {"version": "1.0.0", "state": "current"}
    expiry = channel.publisher().expiries()["timestamp"].timestamp()
    assert shown("vigie_update_devices", labels) == 1
    assert shown("vigie_update_channel_expiry_timestamp_seconds") == expiry


def test_the_api_shows_what_is_rolled_out_and_how_a_device_fared(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as database:
        a_token(database)
        a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
        a_device(database, "a")
        store, act = Updates(database), Act("cli:root", NOW)
        store.roll_out("1.2.0", 20, None, act)
        store.roll_out("1.2.0", 0, "Les Lilas", act)
        back = Told("1.1.0", PLATFORM, State.ROLLED_BACK, "1.2.0", "it did not work in 3 starts")
        store.keep(Peer("a", "a"), back, NOW)
        client, callers = TestClient(whole_app(database, lambda: NOW)), Callers(database, NOW)
        mine = callers(Role.OPERATOR, SITE)

        shown = client.get("/api/v1/updates", headers=mine).json()
        device = client.get("/api/v1/devices/a/update", headers=mine).json()

        assert (shown["good_until"], shown["releases"]) == (None, [])
        assert [(one["site"], one["share"]) for one in shown["rollouts"]] == [(None, 20)]
        assert shown["fared"] == [{"version": "1.1.0", "state": "rolled_back", "devices": 1}]
        others = client.get("/api/v1/updates?site=Les Lilas", headers=mine).json()
        theirs = client.get("/api/v1/updates", headers=callers(Role.OPERATOR, "Les Lilas")).json()
        every = client.get("/api/v1/updates?site=Les Lilas", headers=callers(Role.ADMIN)).json()
        assert (others["fared"], [one["site"] for one in others["rollouts"]]) == ([], [None])
        assert theirs["fared"] == every["fared"] == []
        assert [one["site"] for one in every["rollouts"]] == [None, "Les Lilas"]
        assert (device["state"], device["about"]) == ("rolled_back", "1.2.0")
        assert device["reason"] == "it did not work in 3 starts"
        assert (
            client.get(
                "/api/v1/devices/a/update", headers=callers(Role.OPERATOR, "Les Lilas")
            ).status_code
            == 404
        )


def test_a_server_takes_in_what_is_whole_and_signed_and_no_older(
    channel: FakeChannel, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    earlier = tmp_path / "earlier"
    shutil.copytree(channel.folder, earlier)
    take_in(channel.folder, mine)
    broken = channel.publish("1.2.0")
    sound = broken.read_bytes()
    broken.write_bytes(sound[:-1] + b"!")

    with pytest.raises(DeclarationRefused, match="not what was signed"):
        take_in(channel.folder, mine)
    assert [release.version for release in Mirror(mine, None).releases()] == ["1.1.0"]

    broken.write_bytes(sound)
    channel.publisher().withdraw("1.1.0")
    assert [release.version for release in take_in(channel.folder, mine).releases] == ["1.2.0"]
    assert len(list((mine / "targets" / PLATFORM).iterdir())) == 1
    with pytest.raises(DeclarationRefused, match="is older"):
        take_in(earlier, mine)
    strange = FakeChannel(tmp_path / "stranger").begin()
    with pytest.raises(DeclarationRefused, match="not a channel as its publisher signed"):
        take_in(strange.folder, mine)
    with pytest.raises(DeclarationRefused, match=r"1\.root\.json is missing"):
        take_in(tmp_path, tmp_path / "nothing yet")


def test_an_expired_channel_offers_nothing(channel: FakeChannel) -> None:
    mirror = Mirror(channel.folder, None)
    assert mirror.releases()

    channel.publisher(timestamp=timedelta(days=-1)).renew()

    assert mirror.releases() == ()


def test_a_person_takes_a_channel_in_and_rolls_a_release_out(
    channel: FakeChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path / "data"))

    def said(*arguments: str) -> str:
        return CliRunner().invoke(main, ["updates", *arguments]).output

    CliRunner().invoke(main, ["init"])

    assert "the update channel has no release 1.1.0; it has none" in said(
        "roll-out", "1.1.0", "--share", "5"
    )
    assert "Taken in: 1.1.0; good until" in said("import", str(channel.folder))
    assert said("roll-out", "1.1.0", "--share", "5") == (
        "1.1.0 may be taken by 5 % of the devices of every site.\n"
    )
    assert "every site     1.1.0    5 %    cli:" in said("list")
    assert "Nothing is rolled out to every site any more." in said("stop")
    assert "no release is rolled out to every site" in said("stop")
    assert said("devices") == "DEVICE  HOSTNAME  SITE  RUNS  LAST UPDATE  OF  ON  WHY\n"
