"""Two servers over one PostgreSQL: a device may reach either, at any moment, and is one device."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from fakes.asking import asker
from fakes.postgres import postgres_url
from fakes.running_server import RunningServer, running_server, settings_in
from fakes.scraping import scraped, scraper
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    a_request,
    enrolled,
    enrolment_stub,
    session,
    unchanged,
)
from fakes.stored import bare_store
from vigie.v1 import enrollment_pb2, snapshot_pb2, telemetry_pb2
from vigie_server.bootstrap import marking
from vigie_server.bootstrap.server import build_server
from vigie_server.bootstrap.store import initialise
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.ca.authority import DEVICES, HTTPS, create
from vigie_server.clock import utc_now
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.sites import Site
from vigie_server.ports.declaring import Act
from vigie_server.ports.tokens import Role
from vigie_server.store.administration import Administration
from vigie_server.store.organisation import Organisation
from vigie_server.store.tokens import Tokens

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(120)]
SITE = "Les Tilleuls"


@pytest.fixture(autouse=True)
def one_postgres(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_settings_from_outside: None,  # noqa: ARG001 (this setting is the test's)
) -> Iterator[None]:
    with bare_store("postgres", tmp_path):
        monkeypatch.setenv("VIGIE_SERVER_STORE__URL", postgres_url())
        yield


@asynccontextmanager
async def two_replicas(
    folder: Path, **changes: Any
) -> AsyncIterator[tuple[RunningServer, RunningServer]]:
    """Two servers with data folders of their own and one authority."""
    async with running_server(folder / "a", **changes) as first:
        shutil.copytree(folder / "a" / "ca", folder / "b" / "ca")
        async with running_server(folder / "b", **changes) as second:
            yield first, second


async def a_device(running: RunningServer) -> ScriptedIdentity:
    return await enrolled(running.token(), running.authority.certificate_pem)


def at(running: RunningServer, identity: ScriptedIdentity) -> ScriptedIdentity:
    """The device as it speaks to this replica."""
    return replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")


async def shown(running: RunningServer, token: str, *wanted: str) -> str:
    """The first page that holds all of it."""
    return await scraped(
        running, wanted=lambda page: all(part in page for part in wanted), token=token
    )


def fleet_of(page: str) -> list[str]:
    """The lines on devices and sites, those of the process itself left out."""
    return sorted(
        line
        for line in page.splitlines()
        if line.startswith(("vigie_device", "vigie_site")) and not line.startswith("#")
    )


async def shown_by_both(
    replicas: tuple[RunningServer, RunningServer], token: str, *wanted: str
) -> list[str]:
    """The lines of the fleet, once both show the same and all of this.

    What is shown may move between the two scrapes: a vain wait ends with the test's time.
    """
    while True:
        first, second = [fleet_of(await shown(running, token, *wanted)) for running in replicas]
        if first == second:
            return first


async def test_a_session_moves_in_its_midst_and_goes_on_from_what_is_committed(
    tmp_path: Path,
) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as first, session(at(b, identity)) as second:
            await first.greet()
            await first.send(a_report(1, a_firewall("1")))
            await first.acknowledged(1)

            welcome = await second.greet()
            await second.send(a_report(2, a_firewall("0")))
            await second.acknowledged(2)
            farewell = await first.received()

        verdicts = a.fleet.verdicts(identity.device_id)

    assert welcome.resume_after == 1
    assert farewell is not None
    assert "another one began" in farewell.goodbye.reason
    assert [verdict.status.value for verdict in verdicts] == ["fail"]


async def test_what_the_older_session_still_sends_is_not_acknowledged(tmp_path: Path) -> None:
    slow: dict[str, Any] = {
        "sweep": {"views_every": timedelta(hours=1)}
    }  # nobody tells the first: the store does
    async with two_replicas(tmp_path, **slow) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as first, session(at(b, identity)) as second:
            await first.greet()
            await second.greet()
            await first.send(a_report(1, a_firewall("1")))
            answer = await first.received()

        assert answer is not None
        assert answer.HasField("goodbye")
        assert a.fleet.reported_topics(identity.device_id) == {}


async def test_a_machine_that_comes_back_after_its_double_spoke_elsewhere_is_a_clone(
    tmp_path: Path,
) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as first, session(at(b, identity)) as second:
            await first.greet(a_hello(boot_id="one"))
            await second.greet(a_hello(boot_id="two"))
            ended = await first.received()
            async with session(at(a, identity)) as again:
                await again.send(a_hello(boot_id="one"))
                answer = await again.received()
            farewell = await second.received()

        state = b.fleet.device(identity.device_id).state

    assert ended is not None
    assert ended.HasField("goodbye")
    assert answer is not None
    assert "two machines" in answer.goodbye.reason
    assert farewell is not None
    assert farewell.HasField("goodbye")
    assert state is DeviceState.QUARANTINED


async def test_two_boots_that_greet_two_replicas_at_once_are_both_remembered(
    tmp_path: Path,
) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as first, session(at(b, identity)) as second:
            await asyncio.gather(
                first.send(a_hello(boot_id="one")), second.send(a_hello(boot_id="two"))
            )
            await asyncio.gather(first.received(), second.received())
        answers = []
        for boot in ("one", "two"):
            async with session(at(a, identity)) as again:
                await again.send(a_hello(boot_id=boot))
                answers.append(await again.received())

        state = b.fleet.device(identity.device_id).state

    assert state is DeviceState.QUARANTINED
    assert any(answer is not None and answer.HasField("goodbye") for answer in answers)


async def test_a_device_revoked_while_it_was_away_is_told_so_by_who_remembers_it(
    tmp_path: Path,
) -> None:
    slow: dict[str, Any] = {"sweep": {"views_every": timedelta(hours=1)}}
    async with two_replicas(tmp_path, **slow) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as device:
            await device.greet()
            await device.done()
            await device.received()
        admin = Administration(b.server.database)
        await asyncio.to_thread(admin.revoke, identity.device_id, now=utc_now(), actor="test")
        async with session(at(a, identity)) as device:
            await device.send(a_hello())
            answer = await device.received()

    assert answer is not None
    assert answer.disable.reason == "revoked"


async def test_a_revocation_ends_an_idle_session_at_the_other_replica(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as device:
            await device.greet()
            admin = Administration(b.server.database)
            await asyncio.to_thread(admin.revoke, identity.device_id, now=utc_now(), actor="test")
            farewell = await device.received()

    assert farewell is not None
    assert farewell.HasField("goodbye")


async def test_a_declaration_moves_the_record_and_leaves_the_session_open(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        token = b.api_token(Role.SCRAPE)
        async with session(at(a, identity)) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            await asyncio.to_thread(
                Organisation(b.server.database).put,
                Site(SITE, networks=("192.168.1.0/24",)),
                Act("test", utc_now()),
            )
            await shown(a, token, identity.device_id)
            await device.send(a_report(2, unchanged(a_firewall("1"))))
            await device.acknowledged(2)
            await device.send(telemetry_pb2.Heartbeat())
            await device.send(a_report(3, a_firewall("0")))
            await device.acknowledged(3)


async def test_what_one_replica_commits_both_show(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        token = a.api_token(Role.SCRAPE)
        # A device that was not heard yet is no more compliant than one that fails.
        rule = f'{{device="{identity.device_id}",site="{SITE}",rule="Q06-firewall-enabled"}}'
        counted = f'vigie_site_rule_devices{{site="{SITE}",rule="Q06-firewall-enabled",status='
        failing = f"vigie_device_rule_compliant{rule} 0", f'{counted}"fail"}} 1'
        passing = f"vigie_device_rule_compliant{rule} 1", f'{counted}"pass"}} 1'
        async with session(at(a, identity)) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)
        await shown_by_both((b, a), token, *failing)
        async with session(at(b, identity)) as device:
            await device.greet()
            await device.send(a_report(2, a_firewall("1")))
            await device.acknowledged(2)
        await shown_by_both((a, b), token, *passing)


async def test_a_revoked_token_is_refused_by_both_at_once(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (a, b):
        token = a.api_token(Role.SCRAPE)
        before = [await shown(running, token, "vigie_sessions") for running in (a, b)]
        admin = a.server.database

        (known,) = Tokens(admin).api_tokens()
        Tokens(admin).revoke(known.id, now=utc_now(), actor="test")
        after = []
        for running in (a, b):
            async with scraper(running, token) as client:
                after.append((await client.get("/metrics")).status_code)

    assert all("vigie_sessions" in page for page in before)
    assert after == [401, 401]


async def test_one_replica_does_the_scheduled_work_and_the_other_takes_it_over(
    tmp_path: Path,
) -> None:
    changes: dict[str, Any] = {"store": {"lead_every": timedelta(milliseconds=50)}}
    async with two_replicas(tmp_path, **changes) as (a, b):
        token = a.api_token(Role.SCRAPE)
        before = await shown(a, token, "vigie_leading 1.0")
        waits = await shown(b, token, "vigie_leading 0.0")
        a.stop.set()
        after = await shown(b, token, "vigie_leading 1.0")

    assert all("vigie_leading" in page for page in (before, waits, after))


async def test_what_one_replica_assesses_both_show(tmp_path: Path) -> None:
    catalogue = bundled_catalogue()
    changes: dict[str, Any] = {
        "catalogue": catalogue,
        "site_guide": bundled_site_guide(catalogue),
        "maturity": {"every": timedelta(milliseconds=50)},
    }
    async with two_replicas(tmp_path, **changes) as (a, b):
        token = a.api_token(Role.SCRAPE)
        await asyncio.to_thread(
            Organisation(b.server.database).put, Site(SITE, declared_devices=2), Act("t", utc_now())
        )
        await a_device(a)
        wanted = f'vigie_site_rule_compliant{{site="{SITE}"', "vigie_device_compliance_ratio{"
        assert await shown_by_both((a, b), token, *wanted)


async def test_a_nonce_of_one_replica_is_taken_by_the_other_and_then_by_none(
    tmp_path: Path,
) -> None:
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with (
            enrolment_stub(f"localhost:{a.addresses.enrolment}", identity.authority_pem) as at_a,
            enrolment_stub(f"localhost:{b.addresses.enrolment}", identity.authority_pem) as at_b,
        ):
            answer = await at_a.GetRenewalNonce(
                enrollment_pb2.GetRenewalNonceRequest(device_id=identity.device_id)
            )
            signed = b"vigie-renew-v1\n" + answer.nonce + identity.device_id.encode()
            asked = enrollment_pb2.RenewExpiredRequest(
                device_id=identity.device_id,
                nonce=answer.nonce,
                signature=identity.key.sign(signed, ec.ECDSA(hashes.SHA256())),
                certificate=identity.certificate,
                certificate_signing_request=a_request(identity.key),
            )
            renewed = await at_b.RenewExpired(asked)
            for stub in (at_a, at_b):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await stub.RenewExpired(asked)
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

    assert renewed.identity.device_id == identity.device_id


async def test_a_replica_with_another_authority_is_refused_before_it_serves(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path / "a"):
        with pytest.raises(SettingsMalformed, match="put its folder `ca`"):
            initialise(settings_in(tmp_path / "b"), now=utc_now())
        create(tmp_path / "b" / "ca", DEVICES, now=utc_now())
        create(tmp_path / "b" / "ca", HTTPS, names_only=("localhost",), now=utc_now())
        with pytest.raises(SettingsMalformed, match="not the one of this store"):
            build_server(settings_in(tmp_path / "b"))


async def test_a_store_whose_authority_is_lost_takes_another_one_when_told_to(
    tmp_path: Path,
) -> None:
    initialise(settings_in(tmp_path / "a"), now=utc_now())

    initialise(settings_in(tmp_path / "b"), now=utc_now(), new_authority=True)

    async with running_server(tmp_path / "b"):
        with pytest.raises(SettingsMalformed, match="not the one of this store"):
            build_server(settings_in(tmp_path / "a"))


async def test_devices_send_everything_again_to_a_replica_that_ran_through_a_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MARK_EVERY", 0.05)
    async with two_replicas(tmp_path) as (a, b):
        identity = await a_device(a)
        async with session(at(a, identity)) as device:
            before = await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            with a.server.database.writing() as connection:  # as a backup of before the report
                connection.execute(text("UPDATE meta SET value = '0' WHERE name LIKE 'commits:%'"))
            await device.send(a_report(2, a_firewall("0")))
            farewell = await device.received_until(lambda message: message.HasField("goodbye"))
        while True:
            async with session(at(b, identity)) as device:
                after = await device.greet()
            if after.store_epoch != before.store_epoch:
                break

    assert "backup" in farewell.goodbye.reason


async def test_a_question_to_one_replica_reaches_the_device_at_the_other(tmp_path: Path) -> None:
    async with two_replicas(tmp_path) as (a, b), asker(a) as operator:
        identity = await a_device(a)
        async with session(at(b, identity)) as device:
            await device.greet()
            asked = await operator.asks(question="uptime", devices=[identity.device_id])
            order = (await device.received_until(lambda message: message.HasField("ask"))).ask
            await device.send(
                telemetry_pb2.Answer(
                    ask_id=order.ask_id,
                    status=snapshot_pb2.SNAPSHOT_STATUS_OK,
                    columns=["days"],
                    values=["3"],
                    row_count=1,
                    done=True,
                )
            )
            lines = await operator.follows(asked["id"])

        async with session(at(a, identity)) as device:
            again = await device.greet()

    assert order.ask_id == asked["id"]
    assert [line["answer"]["rows"] for line in lines if "answer" in line] == [[{"days": "3"}]]
    assert not again.asks
