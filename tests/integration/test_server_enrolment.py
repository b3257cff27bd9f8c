"""Letting devices in: tokens, claims, takeovers, renewals, over real TLS."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import text

from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scraped
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_key,
    a_report,
    a_request,
    enrolled,
    enrolment_stub,
    session,
    telemetry_channel,
)
from metric_pages import samples_of
from vigie.v1 import enrollment_pb2, telemetry_pb2, telemetry_pb2_grpc
from vigie.v1.enrolment_token import decode
from vigie_server.ca import certificates
from vigie_server.clock import utc_now
from vigie_server.domain.devices import DeviceState
from vigie_server.settings import EnrolmentSettings
from vigie_server.store.administration import Administration
from vigie_server.store.tokens import Tokens

pytestmark = pytest.mark.usefixtures("each_store")


def whole_store(folder: Path) -> bytes:
    """Every byte of the store's files."""
    return b"".join(path.read_bytes() for path in folder.glob("vigie.db*"))


async def refusal(
    running: RunningServer, token: str, **claims: str
) -> tuple[grpc.StatusCode, str | None]:
    """How an enrolment with this token is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await enrolled(token, running.authority.certificate_pem, **claims)
    return refused.value.code(), refused.value.details()


async def refusals_shown(running: RunningServer) -> dict[str, float]:
    """Refused calls by their reason, as a scrape tells them."""
    page = await scraped(running, "/metrics/server")
    return {
        labels[0][1]: value
        for (name, labels), value in samples_of(page).items()
        if name == "vigie_enrolment_refused_total"
    }


async def test_a_device_certificate_is_for_its_device_alone(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)

    certificate = x509.load_der_x509_certificate(identity.certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert [name.value for name in names] == [f"urn:vigie:device:{identity.device_id}"]
    assert certificates.named(identity.device_id) == certificate.subject
    lifetime = certificate.not_valid_after_utc - utc_now()
    assert timedelta(days=89) < lifetime < timedelta(days=91)


async def test_a_token_for_one_device_lets_one_in_as_active(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        token = running.token(uses=1)
        first = await enrolled(token, running.authority.certificate_pem)
        second = await refusal(running, token)

    assert not first.pending
    assert second == (
        grpc.StatusCode.PERMISSION_DENIED,
        "the enrolment token is not valid here and now",
    )


async def test_two_devices_at_once_do_not_share_the_last_use(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        token, authority = running.token(uses=1), running.authority.certificate_pem
        outcomes = await asyncio.gather(
            *(enrolled(token, authority) for _ in range(6)), return_exceptions=True
        )

    assert sum(isinstance(outcome, ScriptedIdentity) for outcome in outcomes) == 1


async def test_devices_of_a_token_with_many_uses_stay_pending_until_approved(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(uses=10), running.authority.certificate_pem)
        before = running.fleet.device(identity.device_id).state
        admin = Administration(running.server.database)
        await asyncio.to_thread(admin.approve, identity.device_id, now=utc_now(), actor="test")
        after = running.fleet.device(identity.device_id).state

    assert identity.pending
    assert (before, after) == (DeviceState.PENDING, DeviceState.ACTIVE)


async def test_a_list_of_serial_numbers_lets_those_in_as_active(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        token = running.token(uses=10, serials=("PF-1234",))
        other = await refusal(running, token, serial="PF-9999")
        identity = await enrolled(token, running.authority.certificate_pem, serial="pf-1234 ")

    assert other[0] is grpc.StatusCode.PERMISSION_DENIED
    assert not identity.pending


async def test_an_expired_and_a_revoked_token_are_refused_alike(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        expiring, revoked = running.token(lifetime=timedelta(hours=1)), running.token()
        store = Tokens(running.server.database)
        store.revoke(store.enrolment_tokens()[0].id, now=utc_now(), actor="test")
        of_revoked = await refusal(running, revoked)
        clock.ahead = timedelta(hours=2)
        of_expired = await refusal(running, expiring)

    assert of_revoked == of_expired


async def test_the_secret_of_a_token_is_nowhere_in_the_store(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        token = running.token()
        await enrolled(token, running.authority.certificate_pem)
        api = running.api_token()

    held = whole_store(tmp_path)
    assert token.split(".")[1][:20].encode() not in held
    assert api.split(".")[1].encode() not in held


async def test_a_silent_device_that_enrols_again_at_its_site_keeps_its_record(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        authority = running.authority.certificate_pem
        first = await enrolled(running.token(), authority, serial="PF-1234")
        clock.ahead = timedelta(hours=25)
        second = await enrolled(running.token(), authority, serial="PF-1234")

    assert second.device_id == first.device_id


async def test_a_revoked_device_that_enrols_again_is_heard_and_waits_for_a_person(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    clock.ahead = -timedelta(hours=25)
    async with running_server(tmp_path, now=clock) as running:
        authority = running.authority.certificate_pem
        first = await enrolled(running.token(), authority, serial="PF-1234")
        admin = Administration(running.server.database)
        await asyncio.to_thread(admin.revoke, first.device_id, now=clock(), actor="test")
        clock.ahead = timedelta(0)
        second = await enrolled(running.token(), authority, serial="PF-1234")
        async with session(second) as device:
            await device.greet()

    assert second.device_id != first.device_id
    assert second.pending


@pytest.mark.parametrize(("hours", "site"), [(1, "Les Tilleuls"), (25, "Elsewhere")])
async def test_a_claim_to_a_live_device_or_to_another_sites_is_a_conflict(
    tmp_path: Path, hours: int, site: str
) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        authority = running.authority.certificate_pem
        first = await enrolled(running.token(), authority, serial="PF-1234")
        clock.ahead = timedelta(hours=hours)
        second = await enrolled(running.token(site=site), authority, serial="PF-1234")
        async with session(first) as device:
            await device.greet()
        with running.server.database.reading() as connection:
            conflicts = connection.execute(text("SELECT count(*) FROM conflict")).scalar_one()

    assert second.device_id != first.device_id
    assert second.pending
    assert conflicts == 1


async def test_junk_serial_numbers_are_no_claim(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        authority, junk = running.authority.certificate_pem, "To Be Filled By O.E.M."
        first = await enrolled(running.token(), authority, serial=junk, uuid="0000-0000")
        second = await enrolled(running.token(), authority, serial=junk, uuid="0000-0000")

    assert first.device_id != second.device_id
    assert not second.pending


@pytest.mark.parametrize(
    ("request_bytes", "problem"),
    [
        (b"", "the certificate signing request cannot be read"),
        (b"\x30" * 20_000, "the certificate signing request is too long"),
    ],
)
async def test_a_bad_signing_request_costs_the_token_no_use(
    tmp_path: Path, request_bytes: bytes, problem: str
) -> None:
    async with running_server(tmp_path) as running:
        token, authority = running.token(uses=1), running.authority.certificate_pem
        asked = enrollment_pb2.EnrollRequest(
            token_secret=decode(token).secret,
            certificate_signing_request=request_bytes,
            claims=enrollment_pb2.HardwareClaims(platform="linux"),
        )
        async with enrolment_stub(decode(token).endpoints[0], authority) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Enroll(asked)
        identity = await enrolled(token, authority)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == problem
    assert identity.device_id


async def test_who_knocks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    slow = EnrolmentSettings(attempts_per_minute=0.001, attempts_at_once=2)
    async with running_server(tmp_path, enrolment=slow) as running:
        token = running.token(uses=1)
        await enrolled(token, running.authority.certificate_pem)
        second = await refusal(running, token)
        third = await refusal(running, token)
        refused = await refusals_shown(running)

    assert refused == {"token": 1, "rate": 1, "malformed": 0, "store": 0, "other": 0}
    assert second[0] is grpc.StatusCode.PERMISSION_DENIED
    assert third == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "too many attempts: come back later",
    )


async def test_a_live_device_renews_its_certificate(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        key = a_key()
        async with telemetry_channel(identity) as channel:
            stub: telemetry_pb2_grpc.TelemetryServiceAsyncStub
            stub = telemetry_pb2_grpc.TelemetryServiceStub(channel)
            answer = await stub.Renew(
                telemetry_pb2.RenewRequest(certificate_signing_request=a_request(key))
            )
        renewed = ScriptedIdentity(
            device_id=answer.identity.device_id,
            key=key,
            certificate=answer.identity.certificate_chain[0],
            authority_pem=identity.authority_pem,
            telemetry=identity.telemetry,
            pending=False,
        )
        async with session(renewed) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)

    assert renewed.device_id == identity.device_id


async def renewed_after(
    running: RunningServer,
    identity: ScriptedIdentity,
    *,
    tamper: Callable[[enrollment_pb2.RenewExpiredRequest], None] = lambda _: None,
    times: int = 1,
) -> enrollment_pb2.Identity:
    """Asks for a nonce, signs it, asks for a new certificate; raises AioRpcError when refused."""
    endpoint = f"localhost:{running.addresses.enrolment}"
    async with enrolment_stub(endpoint, identity.authority_pem) as stub:
        answer = await stub.GetRenewalNonce(
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
        tamper(asked)
        for _ in range(times):
            renewed = await stub.RenewExpired(asked)
        return renewed.identity


async def test_a_laptop_back_from_months_away_renews_its_expired_certificate(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        clock.ahead = timedelta(days=200)
        renewed = await renewed_after(running, identity)

    assert renewed.device_id == identity.device_id
    certificate = x509.load_der_x509_certificate(renewed.certificate_chain[0])
    assert certificate.not_valid_after_utc > utc_now() + timedelta(days=280)


def another_nonce(asked: enrollment_pb2.RenewExpiredRequest) -> None:
    asked.nonce = asked.nonce[:-1] + bytes([asked.nonce[-1] ^ 1])


def another_signature(asked: enrollment_pb2.RenewExpiredRequest) -> None:
    asked.signature = a_key().sign(b"something else", ec.ECDSA(hashes.SHA256()))


def another_device(asked: enrollment_pb2.RenewExpiredRequest) -> None:
    asked.device_id = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("tamper", [another_nonce, another_signature, another_device])
async def test_an_expired_certificate_is_renewed_for_its_holder_alone(
    tmp_path: Path, tamper: Callable[[enrollment_pb2.RenewExpiredRequest], None]
) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await renewed_after(running, identity, tamper=tamper)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_nonce_is_taken_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await renewed_after(running, identity, times=2)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("why", ["revoked", "too late"])
async def test_a_revoked_certificate_and_one_too_old_are_not_renewed(
    tmp_path: Path, why: str
) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        if why == "revoked":
            admin = Administration(running.server.database)
            admin.revoke(identity.device_id, now=utc_now(), actor="test")
        else:
            clock.ahead = timedelta(days=90 + 401)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await renewed_after(running, identity)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_certificates_last_as_long_as_it_is_set(tmp_path: Path) -> None:
    clock = MovableClock()
    terms = EnrolmentSettings(certificate_for=timedelta(days=30))
    async with running_server(tmp_path, now=clock, enrolment=terms) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        clock.ahead = timedelta(days=10)
        renewed = await renewed_after(running, identity)

    ends = [
        x509.load_der_x509_certificate(certificate).not_valid_after_utc - running.now()
        for certificate in (identity.certificate, renewed.certificate_chain[0])
    ]
    assert [end.days for end in ends] in ([19, 29], [20, 30])


async def test_a_device_that_was_silent_for_as_long_as_it_is_set_is_taken_over(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    terms = EnrolmentSettings(taken_over_after=timedelta(minutes=30))
    async with running_server(tmp_path, now=clock, enrolment=terms) as running:
        authority = running.authority.certificate_pem
        first = await enrolled(running.token(), authority, serial="PF-1234")
        clock.ahead = timedelta(minutes=29)
        early = await enrolled(running.token(), authority, serial="PF-1234")
        clock.ahead = timedelta(hours=2)
        Administration(running.server.database).retire(early.device_id, now=clock(), actor="test")
        late = await enrolled(running.token(), authority, serial="PF-1234")

    assert early.device_id != first.device_id
    assert early.pending
    assert late.device_id == first.device_id


async def test_a_nonce_is_given_for_unknown_devices_too(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path) as running,
        enrolment_stub(
            f"localhost:{running.addresses.enrolment}", running.authority.certificate_pem
        ) as stub,
    ):
        answer = await stub.GetRenewalNonce(
            enrollment_pb2.GetRenewalNonceRequest(device_id="nobody")
        )

    assert len(answer.nonce) == 40
