"""Devices and a whole server over real TLS: enrol, speak, be judged, come back."""

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import grpc
import pytest
from sqlalchemy import select, text

from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scraped
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    a_snapshot,
    enrolled,
    session,
    unchanged,
)
from vigie.v1 import telemetry_pb2
from vigie_server.clock import utc_now
from vigie_server.domain.devices import DeviceState
from vigie_server.services.sweep import Sweep
from vigie_server.settings import SessionSettings
from vigie_server.store.administration import Administration
from vigie_server.store.models import DeviceRow
from vigie_server.store.tables import table

pytestmark = pytest.mark.usefixtures("each_store")


async def a_device(running: RunningServer) -> ScriptedIdentity:
    return await enrolled(running.token(), running.authority.certificate_pem)


def count(running: RunningServer, table: str) -> int:
    with running.server.database.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 (our own tables)


async def test_a_device_enrols_reports_and_is_judged(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            welcome = await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            ack = await device.acknowledged(1)

        (verdict,) = running.fleet.verdicts(identity.device_id)

    assert welcome.resume_after == 0
    assert len(welcome.store_epoch) == 16
    assert not ack.rejected
    assert verdict.status == "fail"
    assert verdict.offending[0]["name"] == "ipv4"


async def test_a_verdict_follows_the_evidence_and_leaves_a_transition(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.send(a_report(2, a_firewall("1")))
            await device.acknowledged(2)

        (verdict,) = running.fleet.verdicts(identity.device_id)
        transitions = running.fleet.transitions(identity.device_id, limit=10)

    assert verdict.status == "pass"
    # A sweep may have found the device before its first report: that it knows nothing, it says too.
    known = [moved.after for moved in transitions if moved.after != "unknown"]
    assert known == ["pass", "fail"]


async def test_a_report_that_comes_again_is_acknowledged_and_not_counted_twice(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)
        before = count(running, "evidence"), count(running, "transition")
        async with session(identity) as device:
            welcome = await device.greet(a_hello(highest_seq=1))
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)

        after = count(running, "evidence"), count(running, "transition")

    assert welcome.resume_after == 1
    assert before[0] == 1
    assert before[1] >= 1  # two where the sweeper had judged the device before it reported
    assert after == before


async def nothing_swept(_: Sweep, stop: asyncio.Event) -> None:
    """In place of a sweeper, whose judging moves the rows of devices whenever it comes to it."""
    await stop.wait()


def revision(running: RunningServer) -> int:
    with running.server.database.reading() as connection:
        return int(connection.execute(text("SELECT revision FROM device")).scalar_one())


async def visited(identity: ScriptedIdentity, hello: telemetry_pb2.Hello) -> telemetry_pb2.Welcome:
    async with session(identity) as device:
        welcome = await device.greet(hello)
        await device.done()
        await device.received()
    return welcome


async def test_a_visit_that_says_nothing_new_moves_the_row_only_where_others_may_serve_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sweep, "run", nothing_swept)
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        before = revision(running)
        welcome = await visited(identity, a_hello(highest_seq=1))
        unmoved = revision(running)
        dropping = a_hello(highest_seq=1)
        dropping.dropped_reports = 3
        await visited(identity, dropping)
        moved = revision(running)

    assert welcome.resume_after == 1
    alone = running.server.database.is_sqlite
    assert unmoved == (before if alone else before + 1)
    assert moved == unmoved + 1


async def test_a_digest_alone_counts_after_a_restart_and_moves_what_time_has_made_due(
    tmp_path: Path,
) -> None:
    now = MovableClock()
    async with running_server(tmp_path, now=now) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)
        running.stop.set()
    now.ahead = timedelta(minutes=30)

    async with running_server(tmp_path, now=now) as again:
        there = replace(identity, telemetry=f"localhost:{again.addresses.telemetry}")
        async with session(there) as device:
            welcome = await device.greet(a_hello(highest_seq=1))
            await device.send(a_report(2, unchanged(a_firewall("0"))))
            ack = await device.acknowledged(2)
        (verdict,) = again.fleet.verdicts(identity.device_id)
        found = again.fleet.device(identity.device_id)

    assert welcome.resume_after == 1
    assert not ack.rejected
    assert verdict.status == "fail"
    assert found.last_report_at is not None
    assert found.last_report_at > utc_now() + timedelta(minutes=29)


async def test_a_new_spool_starts_a_new_sequence(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet(a_hello(spool_id=b"a" * 16))
            await device.send(a_report(7, a_firewall("0")))
            await device.acknowledged(7)
        async with session(identity) as device:
            welcome = await device.greet(a_hello(spool_id=b"b" * 16))
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)

        evidence = count(running, "evidence")

    assert welcome.resume_after == 0
    assert evidence == 2


async def test_a_digest_alone_counts_when_it_is_that_of_the_last_snapshot(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.send(a_report(2, unchanged(a_firewall("1"))))
            await device.acknowledged(2)

        evidence = count(running, "evidence")

    assert evidence == 1


async def test_a_digest_alone_that_is_not_known_is_asked_for_whole(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.send(a_report(2, unchanged(a_firewall("0"))))
            answer = await device.received_until(lambda m: m.HasField("resend"))

        verdicts = running.fleet.verdicts(identity.device_id)

    assert list(answer.resend.topics) == ["firewall"]
    assert [verdict.status for verdict in verdicts] == ["pass"]


async def test_a_report_that_can_never_be_accepted_does_not_block_those_behind(
    tmp_path: Path,
) -> None:
    lying = a_firewall("1")
    lying.digest = b"x" * 16
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, lying))
            first = await device.acknowledged(1)
            await device.send(a_report(2, a_firewall("1")))
            second = await device.acknowledged(2)

        rejected = count(running, "rejected_report")

    assert [(one.seq, one.reason) for one in first.rejected] == [
        (1, "firewall: the digest is not that of the rows")
    ]
    assert not second.rejected
    assert rejected == 1


async def test_a_topic_without_a_declaration_is_kept_and_not_judged(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_snapshot("pack.own.query", ("a",), [("1",)])))
            await device.acknowledged(1)

        evidence = count(running, "evidence")

    assert evidence == 1


async def test_the_inventory_describes_the_device(tmp_path: Path) -> None:
    columns = ("part", "collected", "why", "hostname", "os_name", "os_version", "chassis")
    row = ("system", "yes", "", "accueil-2", "Debian GNU/Linux", "12", "laptop")
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_snapshot("inventory", columns, [row])))
            await device.acknowledged(1)

        found = running.fleet.device(identity.device_id)

    assert (found.hostname, found.os, found.chassis, found.nomadic) == (
        "accueil-2",
        "Debian GNU/Linux",
        "laptop",
        True,
    )


async def test_a_device_that_has_sent_its_last_is_answered_before_the_stream_ends(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            for seq in range(1, 11):
                await device.send(a_report(seq, a_firewall(str(seq % 2))))
            await device.done()
            await device.acknowledged(10)
            end = await device.received()
            status = await device.status()

    assert end is None
    assert status is grpc.StatusCode.OK


async def test_a_second_session_of_the_same_boot_replaces_the_first(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as first, session(identity) as second:
            await first.greet()
            await second.greet()
            farewell = await first.received()
            await second.send(a_report(1, a_firewall("1")))
            await second.acknowledged(1)

    assert farewell is not None
    assert "newer session" in farewell.goodbye.reason


async def test_another_boot_waits_while_the_first_session_is_open(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as first, session(identity) as second:
            await first.greet(a_hello(boot_id="one"))
            await second.send(a_hello(boot_id="two"))
            answer = await second.received()

    assert answer is not None
    assert answer.goodbye.retry_after.seconds == 60


async def test_a_boot_that_comes_back_after_another_is_a_clone(tmp_path: Path) -> None:
    terms = SessionSettings(quarantined_retry=timedelta(minutes=5))
    async with running_server(tmp_path, sessions=terms) as running:
        identity = await a_device(running)
        for boot in ("one", "two"):
            async with session(identity) as device:
                await device.greet(a_hello(boot_id=boot))
                await device.done()
                await device.received()
        async with session(identity) as device:
            await device.send(a_hello(boot_id="one"))
            answer = await device.received()

        state = running.fleet.device(identity.device_id).state

    assert answer is not None
    assert "two machines" in answer.goodbye.reason
    assert answer.goodbye.retry_after.seconds == 300
    assert state is DeviceState.QUARANTINED


async def test_revocation_bites_on_the_next_message(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            admin = Administration(running.server.database)
            await asyncio.to_thread(admin.revoke, identity.device_id, now=utc_now(), actor="test")
            await device.send(a_report(2, a_firewall("0")))
            farewell = await device.received()
        async with session(identity) as device:
            await device.send(a_hello())
            refused = await device.received()

        (verdict,) = running.fleet.verdicts(identity.device_id)

    assert farewell is not None
    assert farewell.HasField("goodbye")
    assert refused is not None
    assert refused.disable.reason == "revoked"
    assert verdict.status == "pass"


async def test_a_retired_device_leaves_the_metrics_at_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        await scraped(running, wanted=lambda page: identity.device_id in page)
        admin = Administration(running.server.database)
        await asyncio.to_thread(admin.retire, identity.device_id, now=utc_now(), actor="test")
        await scraped(running, wanted=lambda page: identity.device_id not in page)


def a_beat(ahead: timedelta) -> telemetry_pb2.Heartbeat:
    """Of a device whose clock is ahead by this."""
    beat = telemetry_pb2.Heartbeat()
    beat.sent_at.FromDatetime((utc_now() + ahead).replace(tzinfo=None))
    return beat


async def test_a_heartbeat_moves_the_sign_of_life_and_measures_the_clock(tmp_path: Path) -> None:
    ahead = timedelta(hours=1)
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_beat(ahead))
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            before = utc_now()
            last = a_beat(ahead)
            await device.send(last)
            await device.done()
            await device.received()
            after = utc_now()
        running.stop.set()

    async with running_server(tmp_path) as running:
        skew = running.fleet.device(identity.device_id).clock_skew_seconds
        with running.server.database.reading() as connection:
            seen = connection.execute(select(table(DeviceRow).c.last_seen_at)).scalar_one()

    assert before <= seen <= after
    # Against the moment at which the server heard the last one, however late that was.
    told = last.sent_at.ToDatetime(UTC)
    assert skew == pytest.approx((told - seen).total_seconds(), abs=0.001)


async def test_a_stopped_server_answers_what_it_was_sent_and_says_goodbye(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            running.stop.set()
            farewell = await device.received()

    assert farewell is not None
    assert farewell.goodbye.reason == "the server is stopping"
