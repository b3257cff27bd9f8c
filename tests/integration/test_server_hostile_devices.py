"""A hostile device gets a clear status, harms nobody else, and leaves no payload in the log."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from fakes.running_server import RunningServer, running_server
from fakes.scripted_device import (
    ScriptedIdentity,
    ScriptedSession,
    a_firewall,
    a_hello,
    a_key,
    a_report,
    a_snapshot,
    enrolled,
    session,
    telemetry_channel,
)
from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie_server.ca import certificates
from vigie_server.settings import LimitSettings, SessionSettings

SECRET = "the-payload-of-a-hostile-device"

pytestmark = pytest.mark.usefixtures("each_store")


async def two_devices(running: RunningServer) -> tuple[ScriptedIdentity, ScriptedIdentity]:
    token, authority = running.token(uses=2), running.authority.certificate_pem
    return await enrolled(token, authority), await enrolled(token, authority)


async def still_served(identity: ScriptedIdentity) -> None:
    """Fails unless another device enrolled here can report."""
    async with session(identity) as device:
        await device.greet()
        await device.send(a_report(1, a_firewall("1")))
        assert not (await device.acknowledged(1)).rejected


def forged(identity: ScriptedIdentity, device_id: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A key and a certificate for the device, signed by nobody we know."""
    key = a_key()
    subject = certificates.named(device_id)
    forged = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.load_pem_x509_certificate(identity.authority_pem).subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(x509.load_der_x509_certificate(identity.certificate).not_valid_before_utc)
        .not_valid_after(x509.load_der_x509_certificate(identity.certificate).not_valid_after_utc)
    )
    forged = certificates.of_device(device_id)(forged)
    return key, forged.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


async def test_a_certificate_of_another_authority_does_not_get_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        victim, other = await two_devices(running)
        key, certificate = forged(victim, victim.device_id)
        async with telemetry_channel(victim, key=key, certificate_pem=certificate) as channel:
            attacker = ScriptedSession(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await attacker.greet()
        await still_served(other)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_servers_own_certificate_is_no_devices(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        (victim, other) = await two_devices(running)
        pair = running.authority.issue_server_certificate(["localhost"], now=running.now())
        credentials = grpc.ssl_channel_credentials(victim.authority_pem, pair.key, pair.chain)
        async with grpc.aio.secure_channel(victim.telemetry, credentials) as channel:
            attacker = ScriptedSession(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await attacker.greet()
        await still_served(other)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_that_the_store_does_not_know_is_refused(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        victim, other = await two_devices(running)
        key = a_key()
        request = x509.CertificateSigningRequestBuilder().subject_name(certificates.named("x"))
        signed = request.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        stray = running.authority.issue_device_certificate(
            signed, victim.device_id, now=running.now()
        )
        pem = x509.load_der_x509_certificate(stray.certificate).public_bytes(Encoding.PEM)
        async with telemetry_channel(victim, key=key, certificate_pem=pem) as channel:
            attacker = ScriptedSession(channel)
            await attacker.send(a_hello())
            status = await attacker.status()
        await still_served(other)

    assert status is grpc.StatusCode.PERMISSION_DENIED


async def test_another_devices_id_in_the_fields_changes_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        attacker, victim = await two_devices(running)
        async with session(attacker) as device:
            await device.greet(a_hello(boot_id=victim.device_id))
            await device.send(a_report(1, a_firewall("0", name=victim.device_id)))
            await device.acknowledged(1)

        of_victim = running.fleet.verdicts(victim.device_id)
        of_attacker = running.fleet.verdicts(attacker.device_id)

    assert [verdict.status for verdict in of_victim] in ([], ["unknown"])
    assert [verdict.status for verdict in of_attacker] == ["fail"]


def too_many_columns() -> telemetry_pb2.Report:
    names = sorted(f"column{number}" for number in range(1_000_000))
    return a_report(1, a_snapshot("firewall", names[:100_000], []))


def too_many_rows() -> telemetry_pb2.Report:
    return a_report(1, a_snapshot("firewall", ("a",), [("",)] * 20_001))


def rows_that_do_not_add_up() -> telemetry_pb2.Report:
    snapshot = a_firewall("1")
    snapshot.row_count = 4_000_000_000
    return a_report(1, snapshot)


def a_huge_value() -> telemetry_pb2.Report:
    return a_report(1, a_firewall("1", name=SECRET * 5000))


def a_topic_twice() -> telemetry_pb2.Report:
    return a_report(1, a_firewall("1"), a_firewall("0"))


def a_topic_with_a_strange_name() -> telemetry_pb2.Report:
    return a_report(1, a_snapshot(f"../{SECRET}\0", ("a",), []))


def a_status_that_does_not_exist() -> telemetry_pb2.Report:
    snapshot = snapshot_pb2.Snapshot(topic="firewall", topic_version=1, digest=b"x" * 16, status=99)  # type: ignore[arg-type]  # hostile
    return a_report(1, snapshot)


def columns_out_of_order() -> telemetry_pb2.Report:
    snapshot = a_firewall("1")
    snapshot.columns[:] = reversed(snapshot.columns)
    return a_report(1, snapshot)


@pytest.mark.parametrize(
    "report",
    [
        too_many_columns,
        too_many_rows,
        rows_that_do_not_add_up,
        a_huge_value,
        a_topic_twice,
        a_topic_with_a_strange_name,
        a_status_that_does_not_exist,
        columns_out_of_order,
    ],
)
async def test_a_report_out_of_bounds_is_rejected_alone(
    tmp_path: Path, report: Callable[[], telemetry_pb2.Report]
) -> None:
    limits = LimitSettings(max_rows_per_snapshot=20_000)
    with capture_logs() as logs:
        async with running_server(tmp_path, limits=limits) as running:
            attacker, other = await two_devices(running)
            async with session(attacker) as device:
                await device.greet()
                await device.send(report())
                ack = await device.acknowledged(1)
                await device.send(a_report(2, a_firewall("1")))
                after = await device.acknowledged(2)
            await still_served(other)

    assert [rejection.seq for rejection in ack.rejected] == [1]
    assert len(ack.rejected[0].reason) < 120
    assert not after.rejected
    assert SECRET not in repr(logs)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x12\x05\xff\xff\xff\xff\xff", id="torn"),
        pytest.param(b"\x12\x08\x2a\x06\x0a\x04\xff\xfe\xfd\xfc", id="broken UTF-8"),
        pytest.param(SECRET.encode(), id="text"),
    ],
)
async def test_a_message_that_cannot_be_read_ends_its_stream_with_a_status(
    tmp_path: Path, message: bytes
) -> None:
    with capture_logs() as logs:
        async with running_server(tmp_path) as running:
            attacker, other = await two_devices(running)
            async with session(attacker) as device:
                await device.greet()
                await device.send_bytes(message)
                status, details = await device.status(), await device.details()
            await still_served(other)

    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert details == "a message cannot be read"
    assert SECRET not in repr(logs)
    assert [line["error"] for line in logs if line["event"] == "session_refused"] == [
        "a message cannot be read"
    ]


async def test_what_came_before_a_broken_message_is_acknowledged(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        attacker, _ = await two_devices(running)
        async with session(attacker) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.send_bytes(b"\xff\xff\xff")
            ack = await device.acknowledged(1)
            status = await device.status()

    assert ack.seq == 1
    assert status is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        attacker, other = await two_devices(running)
        async with session(attacker) as device:
            await device.greet()
            await device.send_bytes(b"\0" * (5 * 1024 * 1024))
            status = await device.status()
        await still_served(other)

    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        (a_report(1), "the first message is not a hello"),
        (a_hello(spool_id=b"short"), "hello: spool_id is not 16 bytes"),
        (a_hello(boot_id=""), "hello: boot_id is empty"),
    ],
)
async def test_a_session_begins_with_a_good_hello_or_not_at_all(
    tmp_path: Path, first: object, problem: str
) -> None:
    async with running_server(tmp_path) as running:
        attacker, _ = await two_devices(running)
        async with session(attacker) as device:
            await device.send(first)
            status, details = await device.status(), await device.details()

    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert details == problem


async def test_who_connects_and_says_nothing_is_sent_away(tmp_path: Path) -> None:
    at_once = SessionSettings.model_construct(hello_within=timedelta(milliseconds=1))
    async with running_server(tmp_path, sessions=at_once) as running:
        attacker, _ = await two_devices(running)
        async with session(attacker) as device:
            details = await device.details()

    assert details == "no hello came"


async def test_sequence_numbers_at_the_edge_are_refused_alone(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        attacker, other = await two_devices(running)
        async with session(attacker) as device:
            await device.greet()
            await device.send(a_report(2**64 - 1, a_firewall("1")))
            status = await device.status()
        await still_served(other)

    assert status is grpc.StatusCode.INVALID_ARGUMENT


async def test_many_streams_of_one_device_leave_one_session(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        attacker, other = await two_devices(running)
        async with AsyncExitStack() as stack:
            devices = [await stack.enter_async_context(session(attacker)) for _ in range(12)]
            await asyncio.gather(*(device.send(a_hello()) for device in devices))
            await still_served(other)
