"""The HTTP application on a real socket, under real TLS."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.listening import cannot_listen
from vigie_server.ingest.listening import listening
from vigie_server.web.serving import bound, is_loopback, serve_http

Listen = Callable[[str, str], object]

SETTING: Final = "VIGIE_SERVER_LISTEN__HTTP"
MAX_HEAD: Final = 16 * 1024
PIECE: Final = b"a" * 8 * 1024
CHUNKED: Final = b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SENT: Final = 512  # pieces: 4 MiB


def an_app() -> FastAPI:
    app = FastAPI()

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.get("/healthz")
    async def alive() -> str:
        return "ok"

    return app


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a self-signed certificate for localhost and of its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "server.crt", tmp_path / "server.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


@asynccontextmanager
async def served(certificate: tuple[Path, Path] | None) -> AsyncIterator[int]:
    stop = asyncio.Event()
    chain, key = certificate or (None, None)
    listener = bound("127.0.0.1:0", SETTING)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_http(
                an_app(),
                listener,
                stop,
                certificate=chain,
                key=key,
                max_head=MAX_HEAD,
                threads=2,
                keep_alive=timedelta(seconds=30),
            )
        )
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()


async def test_https_answers_who_trusts_its_certificate(certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])

    async with served(certificate) as port, httpx2.AsyncClient(verify=trust) as client:
        answer = await client.get(f"https://localhost:{port}/healthz")

    assert answer.status_code == 200
    assert "server" not in answer.headers


async def test_https_is_refused_by_who_does_not_trust_it(certificate: tuple[Path, Path]) -> None:
    async with served(certificate) as port, httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://localhost:{port}/healthz")


async def test_plain_http_answers_on_loopback() -> None:
    async with served(None) as port, httpx2.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/healthz")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /healthz?",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ",
        CHUNKED + b"1;",
        CHUNKED + b"1\r\na\r\n0\r\nX-Long: ",
    ],
    ids=["line", "header", "extension of a chunk", "trailer"],
)
async def test_what_is_said_without_end_ends_the_connection(begun: bytes) -> None:
    async with served(None) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        with suppress(ConnectionError):
            for _ in range(SENT):
                writer.write(PIECE)
                await writer.drain()  # does not wait while the kernel's buffers take it, ...
                await asyncio.sleep(0)  # ... and the server, in this loop, could not say a word
                if reader.at_eof():
                    break
            else:
                pytest.fail("all of it was taken")
        writer.close()


async def test_bodies_and_many_requests_are_not_taken_for_a_long_head() -> None:
    body = PIECE * 20
    async with served(None) as port, httpx2.AsyncClient() as client:
        for _ in range(3):
            answer = await client.post(f"http://127.0.0.1:{port}/length", content=body)
            assert answer.json() == len(body)
        headers = {"X-Long": "a" * (MAX_HEAD // 2)}
        for _ in range(5):
            answer = await client.get(f"http://127.0.0.1:{port}/healthz", headers=headers)
            assert answer.status_code == 200


@pytest.fixture(params=["http", "grpc"])
def listen(request: pytest.FixtureRequest, certificate: tuple[Path, Path]) -> Listen:
    """Each way to listen on an address."""
    chain, key = (file.read_bytes() for file in certificate)

    def for_devices(address: str, setting: str) -> None:
        listening(
            address=address,
            setting=setting,
            key=key,
            chain=chain,
            client_authority=None,
            max_message_bytes=1024,
            max_connections=1,
        )

    return bound if request.param == "http" else for_devices


async def test_a_port_that_is_taken_is_told_with_what_to_do(
    listen: Listen,
) -> None:
    with bound("127.0.0.1:0", SETTING) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(SettingsMalformed) as refused:
            listen(address, SETTING)

    assert f"cannot listen on {address}: another program listens there" in str(refused.value)
    assert SETTING in str(refused.value)


async def test_an_address_of_another_machine_is_told_with_what_to_do(
    listen: Listen,
) -> None:
    with pytest.raises(SettingsMalformed, match="no such address: give VIGIE_SERVER_LISTEN__HTTP"):
        listen("192.0.2.1:0", SETTING)


async def test_a_name_that_is_none_is_told(listen: Listen) -> None:
    with pytest.raises(SettingsMalformed, match=f"cannot listen on a..b:0: .*{SETTING}"):
        listen("a..b:0", SETTING)


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "ports below 1024 are root's"),
        (OSError(errno.EAFNOSUPPORT, "No"), "no IPv6"),
        (OSError(errno.ENOBUFS, "No buffer space"), f"No buffer space; {SETTING}"),
        (None, "start again"),
    ],
)
def test_why_an_address_cannot_be_listened_on_is_said(why: OSError | None, told: str) -> None:
    assert told in str(cannot_listen("0.0.0.0:443", SETTING, why))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:80", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("0.0.0.0:80", False),
        ("[::]:80", False),
        ("10.0.0.1:80", False),
        ("vigie.example:80", False),
    ],
)
def test_loopback_is_told_from_everything_else(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_a_short_answer_waits_for_no_acknowledgement() -> None:
    with (
        bound("127.0.0.1:0", SETTING) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
