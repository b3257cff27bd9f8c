"""PostgreSQL goes away under a server and returns: what is acknowledged is committed, always."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import grpc
import psycopg
import pytest
from sqlalchemy import text

from fakes.postgres import PostgresServer, own_postgres
from fakes.reporters import Reporter, killed_under_load, require_acknowledged
from fakes.running_server import RunningServer, running_server
from fakes.scraping import scrape, scraper
from fakes.scripted_device import (
    ScriptedIdentity,
    ScriptedSession,
    a_firewall,
    a_hello,
    a_report,
    enrolled,
    session,
)
from fakes.secure_http import secure_client
from metric_pages import samples_of
from vigie.v1 import returning
from vigie_server.bootstrap import marking
from vigie_server.store.content import unpacked

LATER = timedelta(seconds=15)
"""`SESSIONS__OVERLOAD_RETRY`, where nobody sets it."""


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server of this test's own, running."""
    with own_postgres() as server:
        server.start()
        yield server


@asynccontextmanager
async def serving(folder: Path, postgres: PostgresServer) -> AsyncIterator[RunningServer]:
    async with running_server(folder, store={"url": postgres.url}) as running:
        yield running


async def a_device(running: RunningServer) -> ScriptedIdentity:
    return await enrolled(running.token(), running.authority.certificate_pem)


async def ended(device: ScriptedSession) -> list[int]:
    """What was acknowledged until the stream ended."""
    acknowledged = []
    with suppress(grpc.aio.AioRpcError):
        while (answer := await device.received()) is not None:
            if answer.HasField("ack"):
                acknowledged.append(answer.ack.seq)
    return acknowledged


def names_held(running: RunningServer) -> list[str]:
    with running.server.database.reading() as connection:
        rows = connection.execute(text("SELECT content FROM evidence ORDER BY seq")).scalars()
        return [form for stored in rows for form in [unpacked(bytes(stored)).decode()]]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_what_was_not_committed_is_not_acknowledged_and_arrives_when_the_store_is_back(
    tmp_path: Path, postgres: PostgresServer, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MARK_EVERY", 0.01)  # every part meets the outage
    async with serving(tmp_path, postgres) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall(name="before")))
            await device.acknowledged(1)
            postgres.stop(mode)
            await device.send(a_report(2, a_firewall(name="during")))
            assert await ended(device) == []
        async with session(identity) as device:
            await device.send(a_hello())
            assert await ended(device) == []
            assert await device.status() is grpc.StatusCode.UNAVAILABLE
            waits = [returning.asked(await device.trailers())]
            assert "127.0.0.1" not in await device.details()  # where the store is
        async with session(identity) as device:
            await device.send(a_hello())
            assert await ended(device) == []
            waits.append(returning.asked(await device.trailers()))
        postgres.start()
        async with session(identity) as device:
            welcome = await device.greet()
            await device.send(a_report(2, a_firewall(name="during")))
            await device.acknowledged(2)

        assert welcome.resume_after == 1
        assert all(wait is not None and wait >= LATER for wait in waits)
        held = names_held(running)
        assert ["before" in form for form in held] == [True, False]
        assert ["during" in form for form in held] == [False, True]


@pytest.mark.slow
async def test_a_store_that_crashes_under_load_loses_nothing_acknowledged_and_doubles_nothing(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with serving(tmp_path, postgres) as running:
        reporters = [Reporter(await a_device(running), number) for number in range(1, 5)]
        for _ in range(3):
            crash = partial(asyncio.to_thread, postgres.stop, "immediate")
            await killed_under_load(reporters, running.addresses.telemetry, crash)
            postgres.start()

        require_acknowledged(running.server.database, reporters)


async def test_readers_are_told_to_come_back_and_a_server_stops_well_without_its_store(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with serving(tmp_path, postgres) as running:
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        address = f"https://localhost:{running.addresses.http}/api/v1/devices"
        async with secure_client(tmp_path / "ca" / "https.crt", headers=headers) as client:
            before = await client.get(address)
            postgres.stop()
            during = await client.get(address)

    assert (before.status_code, during.status_code) == (200, 503)


async def test_who_scraped_before_is_shown_that_the_store_is_away(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    metrics = {"store_every": timedelta(milliseconds=50)}
    async with running_server(tmp_path, store={"url": postgres.url}, metrics=metrics) as running:
        address = f"https://localhost:{running.addresses.http}/metrics"
        scraper, other = ({"Authorization": f"Bearer {running.api_token()}"} for _ in range(2))
        async with secure_client(tmp_path / "ca" / "https.crt") as client:
            await scrape(client, address, headers=scraper)
            postgres.stop()
            while True:
                during = await client.get(address, headers=scraper)
                assert during.status_code == 200, during.text
                if "vigie_store_reachable 0.0" in during.text:
                    break
            unknown = await client.get(address, headers=other)

    assert "vigie_rule_info" in during.text, "what it knew of the fleet"
    assert unknown.status_code == 503


async def test_a_commit_that_a_lock_holds_up_is_not_acknowledged_until_it_is_made(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with serving(tmp_path, postgres) as running:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            with running.server.database.writing() as other:
                other.execute(text("LOCK TABLE evidence IN EXCLUSIVE MODE"))
                await device.send(a_report(1, a_firewall()))
                await waiting(postgres)
                assert not names_held(running)
            await device.acknowledged(1)

        assert len(names_held(running)) == 1


async def test_what_is_committed_although_nobody_was_told_is_shown(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """The session of PostgreSQL is ended between its commit on the disk and its answer."""
    async with serving(tmp_path, postgres) as running, scraper(running) as client:
        identity = await a_device(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall(enabled="1")))
            await device.acknowledged(1)
            await scrape(client, wanted=lambda page: shown(page) == {"pass"})
            await hold_answers(postgres)
            await device.send(a_report(2, a_firewall(enabled="0")))
            await cut_held_answer(postgres)
            assert await ended(device) == []
        configure(postgres, "RESET synchronous_standby_names")
        async with session(identity) as device:
            welcome = await device.greet()

        assert welcome.resume_after == 2
        await scrape(client, wanted=lambda page: shown(page) == {"fail"})


def configure(postgres: PostgresServer, what: str) -> None:
    postgres.execute(f"ALTER SYSTEM {what}")
    postgres.execute("SELECT pg_reload_conf()")


async def hold_answers(postgres: PostgresServer) -> None:
    """Has whoever commits wait, with it on the disk, for a standby that is none."""
    configure(postgres, "SET synchronous_standby_names = 'nobody'")

    def commit_until_held() -> None:
        with suppress(psycopg.OperationalError):
            while True:
                postgres.execute("SELECT pg_logical_emit_message(true, 'test', '')")

    await asyncio.gather(asyncio.to_thread(commit_until_held), cut_held_answer(postgres))


async def cut_held_answer(postgres: PostgresServer) -> None:
    """Ends a session that has committed and waits, once there is one."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    while not postgres.execute(query):  # noqa: ASYNC110 (nothing of ours tells)
        await asyncio.sleep(0.01)


def shown(page: str) -> set[str]:
    """The verdicts that metrics show of the one device."""
    return {
        dict(labels)["status"]
        for (name, labels), value in samples_of(page).items()
        if name == "vigie_site_rule_devices" and value
    }


async def waiting(postgres: PostgresServer) -> None:
    """Returns once a session of the server waits for a lock."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while postgres.execute(query) != [(1,)]:  # noqa: ASYNC110 (nothing of ours tells)
        await asyncio.sleep(0.01)
