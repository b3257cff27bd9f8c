"""Enrolment over real TLS: the secret is sent to nobody but the server that the token names."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from collecting import Hands
from fakes.authority import Authority
from fakes.cutting_proxy import ConnectProxy
from fakes.delivering_agent import Waits
from fakes.scripted_server import FakeServer
from vigie.v1.enrolment_token import EnrolmentToken, encode
from vigie_agent.domain.errors import (
    EnrollmentRefused,
    LinkLost,
    ServerUntrusted,
    TokenMalformed,
)
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.identity.token_file import erase_token, token_in
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.services.enrol import Enrol

pytestmark = pytest.mark.timeout(90)

CLAIMS = HardwareClaims("pc-12", "linux", hardware_serial="SN-1", hardware_model="Model 7")


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    made = FakeServer(Authority())
    await made.start()
    yield made
    await made.die()


@pytest.fixture
def waits() -> Waits:
    return Waits(Hands())


@pytest.fixture
def enrol(tmp_path: Path, waits: Waits) -> Enrol:
    return Enrol(
        keys=IdentityFiles(tmp_path / "identity", FileModes()),
        link=GrpcEnrolment(),
        agent_version="0.1.0",
        wait=waits,
        jitter=lambda: 0.5,
    )


def token_of(server: FakeServer, *endpoints: str) -> str:
    places = endpoints or (server.enrolment,)
    return encode(EnrolmentToken(places, server.authority.sha256, server.secret))


async def test_a_device_enrols_with_one_value_and_keeps_its_identity(
    server: FakeServer, enrol: Enrol
) -> None:
    enrolment = await enrol(token_of(server), CLAIMS, stop=asyncio.Event())

    (request,) = server.enrolled
    assert (request.claims.hostname, request.claims.hardware_serial) == ("pc-12", "SN-1")
    assert request.agent_version == "0.1.0"
    assert enrolment.pending
    assert enrol.keys.load() == enrolment.identity
    assert enrolment.identity.issued.trust_bundle == (server.authority.der,)
    assert enrolment.identity.not_after - enrolment.identity.not_before == timedelta(days=90)


async def test_the_secret_is_not_sent_to_a_server_of_another_authority(
    server: FakeServer, enrol: Enrol
) -> None:
    impostor = FakeServer(Authority())
    impostor.secret = server.secret
    await impostor.start()

    with pytest.raises(ServerUntrusted, match="inspects TLS"):
        await enrol(token_of(server, impostor.enrolment), CLAIMS, stop=asyncio.Event())
    await impostor.die()

    assert impostor.enrolled == []
    assert enrol.keys.load() is None


async def test_showing_the_authority_without_holding_its_key_is_not_enough(
    server: FakeServer, enrol: Enrol, tmp_path: Path
) -> None:
    """A chain is public: an impostor can present it beside a leaf of its own."""
    key, leaf = Authority().server_files()
    shown = tmp_path / "chain.pem"
    shown.write_bytes(
        leaf.split(b"-----END CERTIFICATE-----\n")[0]
        + b"-----END CERTIFICATE-----\n"
        + ssl.DER_cert_to_PEM_cert(server.authority.der).encode()
    )
    impostor = FakeServer(Authority())
    impostor._files = (key, shown.read_bytes())  # noqa: SLF001 (an impostor's chain)
    await impostor.start()

    with pytest.raises(LinkLost):
        await enrol(token_of(server, impostor.enrolment), CLAIMS, stop=asyncio.Event())
    await impostor.die()

    assert impostor.enrolled == []


async def test_a_refusal_says_what_to_do(server: FakeServer, enrol: Enrol) -> None:
    server.refuse_enrolment = (grpc.StatusCode.PERMISSION_DENIED, "the token has expired")

    with pytest.raises(EnrollmentRefused, match=r"has expired.*new enrolment token"):
        await enrol(token_of(server), CLAIMS, stop=asyncio.Event())

    assert len(server.enrolled) == 1


async def test_a_server_that_comes_up_later_is_waited_for(
    server: FakeServer, enrol: Enrol, waits: Waits
) -> None:
    token = token_of(server)
    await server.die()

    async with asyncio.TaskGroup() as group:
        enrolling = group.create_task(enrol(token, CLAIMS, stop=asyncio.Event()))
        await waits.next()
        await server.start()

    assert enrolling.result().identity.device_id == "device-1"


async def test_a_server_that_never_answers_is_given_up_with_advice(
    server: FakeServer, enrol: Enrol, waits: Waits
) -> None:
    token = token_of(server)
    await server.die()

    with pytest.raises(LinkLost, match="vigie-agent doctor"):
        await enrol(token, CLAIMS, stop=asyncio.Event())

    assert waits.spans == [timedelta(seconds=2**power) for power in range(5)]


async def test_the_next_endpoint_is_tried_when_one_is_dead(
    server: FakeServer, enrol: Enrol, waits: Waits
) -> None:
    token = token_of(server, "127.0.0.1:1", server.enrolment)

    await enrol(token, CLAIMS, stop=asyncio.Event())

    assert waits.spans == []


async def test_a_busy_server_is_tried_again(server: FakeServer, enrol: Enrol, waits: Waits) -> None:
    server.refuse_enrolment = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many attempts")

    async with asyncio.TaskGroup() as group:
        enrolling = group.create_task(enrol(token_of(server), CLAIMS, stop=asyncio.Event()))
        await waits.next()
        server.refuse_enrolment = None

    assert enrolling.result().identity.device_id == "device-1"


async def test_a_used_token_is_erased_where_it_was_read(
    server: FakeServer, enrol: Enrol, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(f"\n {token_of(server)} \n")

    await enrol(token_in(path), CLAIMS, stop=asyncio.Event(), spent=lambda: erase_token(path))

    assert list(tmp_path.glob("token*")) == []  # noqa: ASYNC240 (a test's own folder)


async def test_a_token_that_was_not_used_stays(
    server: FakeServer, enrol: Enrol, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(token_of(server))
    server.refuse_enrolment = (grpc.StatusCode.PERMISSION_DENIED, "no")

    with pytest.raises(EnrollmentRefused):
        await enrol(token_in(path), CLAIMS, stop=asyncio.Event(), spent=lambda: erase_token(path))

    assert token_in(path) == token_of(server)


async def test_a_cut_token_reaches_no_server(server: FakeServer, enrol: Enrol) -> None:
    with pytest.raises(TokenMalformed, match="cut short"):
        await enrol(token_of(server)[:-9], CLAIMS, stop=asyncio.Event())

    assert server.enrolled == []


async def test_an_enrolled_device_does_not_enrol_over_itself(
    server: FakeServer, enrol: Enrol
) -> None:
    await enrol(token_of(server), CLAIMS, stop=asyncio.Event())

    with pytest.raises(EnrollmentRefused, match="unenroll"):
        await enrol(token_of(server), CLAIMS, stop=asyncio.Event())

    assert len(server.enrolled) == 1


async def test_enrolment_goes_through_an_https_proxy(
    server: FakeServer, tmp_path: Path, waits: Waits
) -> None:
    proxy = ConnectProxy()
    async with proxy.listening():
        link = GrpcEnrolment(f"http://127.0.0.1:{proxy.port}")
        enrol = Enrol(IdentityFiles(tmp_path, FileModes()), link, "0.1.0", wait=waits)

        await enrol(token_of(server), CLAIMS, stop=asyncio.Event())

    assert proxy.asked == [server.enrolment] * 2
