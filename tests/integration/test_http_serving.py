"""The HTTP application on a real socket, under real TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.web.serving import serve, tls_of


def an_app() -> FastAPI:
    app = FastAPI()

    @app.get("/healthz")
    async def alive() -> str:
        return "ok"

    return app


def a_certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate for localhost and its key, in PEM."""
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
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@asynccontextmanager
async def served(tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                an_app(),
                address=("127.0.0.1", 0),
                tls=tls,
                stop=stop,
                listening=port.set_result,
            )
        )
        try:
            yield await port
        finally:
            stop.set()


async def test_https_answers_who_trusts_its_certificate() -> None:
    chain, key = a_certificate()
    trust = ssl.create_default_context(cadata=chain.decode())

    async with served(tls_of(chain, key)) as port, httpx2.AsyncClient(verify=trust) as client:
        answer = await client.get(f"https://localhost:{port}/healthz")

    assert answer.status_code == 200
    assert "server" not in answer.headers


async def test_https_is_refused_by_who_does_not_trust_it() -> None:
    chain, key = a_certificate()

    async with served(tls_of(chain, key)) as port, httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://localhost:{port}/healthz")


async def test_plain_http_is_for_loopback() -> None:
    async with served(None) as port, httpx2.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/healthz")

    assert answer.status_code == 200


async def test_plain_http_is_refused_anywhere_else() -> None:
    with pytest.raises(SettingsMalformed, match="loopback"):
        await serve(
            an_app(),
            address=("0.0.0.0", 0),  # noqa: S104 (the address that must be refused)
            tls=None,
            stop=asyncio.Event(),
            listening=lambda _: None,
        )


async def test_a_port_that_is_taken_is_told() -> None:
    async with served(None) as port:
        with pytest.raises(SettingsMalformed, match=f"127.0.0.1:{port}"):
            await serve(
                an_app(),
                address=("127.0.0.1", port),
                tls=None,
                stop=asyncio.Event(),
                listening=lambda _: None,
            )
