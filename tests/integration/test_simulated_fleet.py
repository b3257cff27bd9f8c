"""A simulated fleet on a real server: what it was told is acknowledged is what the store holds."""

import asyncio
import json
import socket
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from sqlalchemy import func, select

from fakes.authority import Authority
from fakes.running_server import RunningServer, running_server, settings_in
from fakes.scripted_device import enrolled
from fakes.scripted_server import FakeServer, Scene
from ledger import Line, Stored, fleet_differences, read_lines
from vigie.v1 import enrolment_token, returning
from vigie.v1.digest import canonical_fields, form_digest
from vigie.v1.enrolment_token import EnrolmentToken
from vigie_server.bootstrap.store import initialise, open_store
from vigie_server.bundled import bundled_catalogue
from vigie_server.ports.declaring import Act
from vigie_server.settings import EnrolmentSettings
from vigie_server.simulator.enrolling import FleetRefused
from vigie_server.simulator.fleet_file import FleetUnusable
from vigie_server.simulator.making import Made, enrol_fleet, plant_fleet
from vigie_server.simulator.planting import NotATestServer
from vigie_server.simulator.recorded import RECORDED
from vigie_server.simulator.run import Plan
from vigie_server.simulator.running import Wanted, run_here
from vigie_server.simulator.schedule import Wave
from vigie_server.simulator.tally import Tally
from vigie_server.simulator.troubles import TROUBLES
from vigie_server.store.administration import Administration
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database
from vigie_server.store.models import DeviceRow, EvidenceRow, SnapshotRow, VerdictRow
from vigie_server.store.tables import table

DEVICES = 50
EPOCH = datetime(2026, 11, 25, 8, tzinfo=UTC)
PLAN = Plan(seconds=3.0, period=1.0, patience=30.0, first_backoff=0.1, slow_by=0.2)
DEVICE, EVIDENCE = table(DeviceRow), table(EvidenceRow)
SNAPSHOT, VERDICT = table(SnapshotRow), table(VerdictRow)

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended, and what it wrote down."""

    tally: Tally
    lines: list[Line]


async def ran(
    running: RunningServer,
    folder: Path,
    plan: Plan,
    *,
    devices: int = DEVICES,
    before: tuple[str, ...] = (),
) -> Ran:
    """A fleet that enrols, unless it has, and runs the plan.

    Endpoints `before` the server's take turns with it.
    """
    fleet, ledger = folder / "fleet.db", folder / "ledger"
    if not fleet.exists():
        token = enrolment_token.decode(running.token(uses=devices, site="sim"))
        made = Made(fleet, RECORDED, devices, seed=1, epoch=EPOCH)
        await enrol_fleet(made, token, lambda _: None)
    wanted = Wanted(
        fleet=fleet,
        recorded=RECORDED,
        servers=(*before, f"127.0.0.1:{running.addresses.telemetry}"),
        plan=plan,
        changes=0.5,
        ledger=ledger,
        every=60.0,
    )
    tally = await run_here(wanted, asyncio.Event(), lambda _: None)
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    return Ran(tally, read_lines(lines))


def differences(running: RunningServer, ran: Ran) -> list[str]:
    """Where the run's ledger and the server's store differ."""
    topics = bundled_catalogue().topics
    with running.server.database.reading() as connection:
        stored = []
        for row in connection.execute(select(EVIDENCE)):
            form = unpacked(row.content)
            assert form_digest(form) == row.digest
            assert canonical_fields(form)[0] == row.topic
            stored.append(
                Stored(row.device_key, row.spool_id.hex(), row.seq, row.digest.hex(), row.topic, ())
            )
        newest = {
            (row.spool_id.hex(), row.topic): row.digest.hex()
            for row in connection.execute(
                select(DEVICE.c.spool_id, SNAPSHOT.c.topic, SNAPSHOT.c.digest).join(
                    SNAPSHOT, SNAPSHOT.c.device_key == DEVICE.c.key
                )
            )
        }
    unkept = frozenset(name for name, topic in topics.items() if not topic.retention)
    return fleet_differences(ran.lines, stored, newest, unkept=unkept)


def verdicts(database: Database) -> dict[tuple[int, str], tuple[str, str, list[str]]]:
    """Status, reason and deciding rows of each device by each rule."""
    with database.reading() as connection:
        return {
            (row.device_key, row.rule): (
                row.status,
                row.reason,
                sorted(map(json.dumps, json.loads(row.offending))),
            )
            for row in connection.execute(select(VERDICT))
        }


async def judged_again(running: RunningServer) -> None:
    """Returns once no device waits to be judged again."""
    waiting = select(func.count()).select_from(DEVICE).where(DEVICE.c.judged_with == "")
    async with asyncio.timeout(60):
        while True:  # the store tells nobody
            with running.server.database.reading() as connection:
                if connection.execute(waiting).scalar_one() == 0:
                    return
            await asyncio.sleep(0.05)


async def test_a_fleet_is_judged_and_the_store_holds_what_was_acknowledged(tmp_path: Path) -> None:
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        done = await ran(running, tmp_path, PLAN)
        with running.server.database.reading() as connection:
            judged = Counter(connection.execute(select(VERDICT.c.device_key)).scalars())
            statuses = Counter(connection.execute(select(VERDICT.c.status)).scalars())
        found = differences(running, done)

    assert not done.tally.errors
    assert done.tally.undelivered == 0
    assert done.tally.arrivals == 3 * DEVICES
    assert done.tally.acks.count >= 25 * DEVICES
    assert len(judged) == DEVICES
    assert min(statuses["pass"], statuses["fail"]) > DEVICES
    assert sum(line.whole for line in done.lines if line.what == "kept") > 25 * DEVICES
    assert found == []


async def test_broken_and_slow_agents_harm_nobody_and_change_nothing(tmp_path: Path) -> None:
    plan = replace(PLAN, broken=0.4, slow=0.1)
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        done = await ran(running, tmp_path, plan)
        found = differences(running, done)

    ended = {told.split(":")[0] for told in done.tally.troubles}
    assert not done.tally.errors
    assert ended == set(TROUBLES)
    assert {told for told in done.tally.troubles if "no answer" in told} == set()
    assert {
        "wrong_digest: status 0, rejected",
        "long_value: status 0, rejected",
        "garbage_message: status 3",
        "second_hello: status 3",
        "big_message: status 8",
    } <= set(done.tally.troubles)
    assert done.tally.slow.count
    assert found == []


async def test_devices_that_stay_beat_and_come_back_after_a_wave(tmp_path: Path) -> None:
    wave = Wave(at=1.5, share=0.5)
    plan = replace(PLAN, stay=True, heartbeat=0.5, waves=(wave,))
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        done = await ran(running, tmp_path, plan)
        found = differences(running, done)

    assert not done.tally.errors
    assert done.tally.heartbeats > DEVICES
    assert done.tally.greetings.count > DEVICES  # some were cut, and greeted again
    assert done.tally.connected == 0
    assert found == []


async def test_a_device_that_an_endpoint_turns_away_goes_to_the_next_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = taken.getsockname()[1]
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        endpoints = (f"127.0.0.1:{dead}",)
        done = await ran(running, tmp_path, PLAN, devices=20, before=endpoints)
        found = differences(running, done)

    assert sum(done.tally.errors.values()) >= 10  # every other device was turned away first
    assert all("ConnectionRefusedError" in told for told in done.tally.errors)
    assert done.tally.acks.count >= 20 * 25
    assert found == []


async def test_a_device_stays_away_as_long_as_a_status_tells_and_goes_to_the_next_server(
    tmp_path: Path,
) -> None:
    async def lose_the_store(scene: Scene) -> None:
        later = returning.told(timedelta(milliseconds=50))
        await scene.context.abort(grpc.StatusCode.UNAVAILABLE, "the store is busy", later)

    first = FakeServer(Authority())
    second = FakeServer(first.authority)
    await first.start()
    await second.start()
    first.scripts = [lose_the_store] * 3
    fleet = tmp_path / "fleet.db"
    token = EnrolmentToken((first.enrolment,), first.authority.sha256, first.secret)
    await enrol_fleet(Made(fleet, RECORDED, 1, seed=1, epoch=EPOCH), token, lambda _: None)
    wanted = Wanted(
        fleet=fleet,
        recorded=RECORDED,
        servers=(first.telemetry, second.telemetry),
        plan=Plan(seconds=1.0, period=1.0, patience=30.0, first_backoff=3600.0),
        changes=0.5,
        ledger=None,
        every=60.0,
    )
    tally = await run_here(wanted, asyncio.Event(), lambda _: None)
    await first.die()
    await second.die()

    assert tally.errors == {"status N: the store is busy": 1}
    assert (len(first.hellos), len(second.hellos)) == (1, 1)
    assert tally.undelivered == 0
    assert tally.acked == len(second.store.committed) > 20


@pytest.mark.parametrize("stay", [False, True])
async def test_a_device_that_is_told_to_stop_stops_and_nobody_waits_for_it(
    tmp_path: Path, stay: bool
) -> None:
    plan = replace(PLAN, stay=stay, patience=120.0)
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        await ran(running, tmp_path, replace(PLAN, seconds=1.0), devices=3)
        with running.server.database.reading() as connection:
            gone = connection.execute(select(DEVICE.c.id).limit(1)).scalar_one()
        admin = Administration(running.server.database)
        admin.retire(gone, now=datetime.now(UTC), actor="test")
        done = await ran(running, tmp_path, plan, devices=3)

    (told,) = done.tally.errors
    assert "disabled" in told
    assert done.tally.errors[told] == 1
    assert done.tally.undelivered == 0


async def test_arrivals_go_on_by_the_clock_while_nothing_answers(tmp_path: Path) -> None:
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        await ran(running, tmp_path, replace(PLAN, seconds=0.5), devices=10)
        with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
            wanted = Wanted(
                fleet=tmp_path / "fleet.db",
                recorded=RECORDED,
                servers=(f"127.0.0.1:{silent.getsockname()[1]}",),
                plan=Plan(seconds=2.0, period=0.5, patience=0.5),
                changes=0.5,
                ledger=None,
                every=60.0,
            )
            tally = await run_here(wanted, asyncio.Event(), lambda _: None)
        done = await ran(running, tmp_path, PLAN, devices=10)
        found = differences(running, done)

    assert tally.arrivals == 4 * 10
    assert tally.acked == tally.visits == 0
    assert tally.undelivered >= 4 * 10
    assert set(tally.errors) == {"timeout"}
    assert found == []  # what was never delivered is said whole in the next run


async def test_a_planted_fleet_is_judged_and_known_to_the_server_from_its_first_visit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path / "server")
    initialise(settings, now=datetime.now(UTC))
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(settings.data))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "127.0.0.1")
    made = Made(tmp_path / "fleet.db", RECORDED, 60, seed=1, epoch=EPOCH)
    await plant_fleet(made, 25, lambda _: None)

    with closing(open_store(settings)) as database:
        planted = verdicts(database)
        Administration(database).judge_all_again(Act("test", datetime.now(UTC)))
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        await judged_again(running)
        judged = verdicts(running.server.database)
        with running.server.database.reading() as connection:
            sites = set(connection.execute(select(DEVICE.c.site_key)).scalars())
        done = await ran(running, tmp_path, replace(PLAN, seconds=1.0), devices=60)
        with running.server.database.reading() as connection:
            began = set(connection.execute(select(DEVICE.c.session_revision)).scalars())

    assert judged == planted
    assert began == {0}  # each is in the boot and under the spool that the store knows of
    assert len({device for device, _ in judged}) == 60
    assert len(sites) == 3
    assert not done.tally.errors
    assert done.tally.visits >= 60
    unkept = {name for name, topic in bundled_catalogue().topics.items() if not topic.retention}
    again = {line.topic for line in done.lines if line.whole} - unkept
    happened = sum(line.whole and line.topic not in unkept for line in done.lines) / 2
    assert 10 < happened < 50, again  # about half of them, by `changes`; nothing asked for again


async def test_a_fleet_is_not_planted_beside_real_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path / "server") as running:
        await enrolled(running.token(), running.authority.certificate_pem)
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path / "server"))

    made = Made(tmp_path / "fleet.db", RECORDED, 1, seed=1, epoch=EPOCH)
    with pytest.raises(NotATestServer, match="not simulated"):
        await plant_fleet(made, 25, lambda _: None)


async def test_a_server_that_limits_enrolments_is_told_with_its_settings_and_what_was_made(
    tmp_path: Path,
) -> None:
    limit = EnrolmentSettings(attempts_per_minute=1, attempts_at_once=2)
    async with running_server(tmp_path / "server", enrolment=limit) as running:
        text = running.token(uses=5, site="sim")
        made = Made(tmp_path / "fleet.db", RECORDED, 5, seed=1, epoch=EPOCH)
        with pytest.raises(FleetRefused, match=r"ATTEMPTS_PER_MINUTE.*; 2 of 5 devices are in"):
            await enrol_fleet(made, enrolment_token.decode(text), lambda _: None)
        with pytest.raises(FleetUnusable, match="there already"):
            await enrol_fleet(made, enrolment_token.decode(text), lambda _: None)
        with running.server.database.reading() as connection:
            enrolled = connection.execute(select(func.count()).select_from(DEVICE)).scalar_one()

    assert enrolled == 2


async def test_two_runs_of_one_seed_report_the_same(tmp_path: Path) -> None:
    said = []
    for name in ("first", "second"):
        folder = tmp_path / name
        async with running_server(folder / "server", catalogue=bundled_catalogue()) as running:
            done = await ran(running, folder, replace(PLAN, seconds=2.0), devices=20)
        kept = {(line.spool, line.topic, line.digest) for line in done.lines if line.what == "kept"}
        said.append(kept)

    assert said[0] == said[1]
    assert len(said[0]) > 20 * 25


async def test_a_fleet_goes_on_where_its_last_run_ended(tmp_path: Path) -> None:
    plan = replace(PLAN, seconds=1.0)
    async with running_server(tmp_path / "server", catalogue=bundled_catalogue()) as running:
        first = await ran(running, tmp_path, plan, devices=20)
        both = await ran(running, tmp_path, plan, devices=20)
        found = differences(running, both)

    assert first.tally.whole >= 25 * 20
    assert 0 < both.tally.acked < 25 * 20 / 2
    assert both.tally.whole < 40
    assert found == []
