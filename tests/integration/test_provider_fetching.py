"""Requests to the identity provider: directly, by a proxy, and what comes in between."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from fakes.authority import Authority
from fakes.cutting_proxy import ConnectProxy
from fakes.loopback import loopback_server
from vigie_server.domain.errors import ProviderRefused
from vigie_server.oidc.fetching import Fetching

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}"


async def says(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answer)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def a_provider(folder: Path, answer: bytes) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """Its address, and what its certificate is checked with."""
    authority = Authority()
    key, chain = authority.server_files()
    (folder / "key.pem").write_bytes(key)
    (folder / "chain.pem").write_bytes(chain)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    trusting = ssl.create_default_context(cafile=folder / "chain.pem")
    async with loopback_server(partial(says, answer), tls=tls) as port:
        yield f"https://localhost:{port}/", trusting


def fetching(tls: ssl.SSLContext, *, within: float = 10, proxy: str = "") -> Fetching:
    return Fetching(tls=tls, within=within, most=1_000, version="0", proxy=proxy)


async def test_an_answer_that_ends_with_its_connection_is_read(tmp_path: Path) -> None:
    async with a_provider(tmp_path, ANSWER) as (url, tls):
        found = await fetching(tls)(url)

    assert (found.status, found.kind, found.object("it")) == (200, "application/json", {})


async def test_a_proxy_leads_to_the_provider_whose_certificate_is_checked(tmp_path: Path) -> None:
    async with a_provider(tmp_path, ANSWER) as (url, tls), ConnectProxy().listening() as proxy:
        by_proxy = f"http://127.0.0.1:{proxy.port}"

        found = await fetching(tls, proxy=by_proxy)(url)
        with pytest.raises(ProviderRefused, match="its certificate"):
            await fetching(ssl.create_default_context(), proxy=by_proxy)(url)

    assert found.status == 200
    assert proxy.asked == [url.removeprefix("https://").strip("/")] * 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answers 407"),
        (b"", "cannot be asked"),
        (b"rubbish\r\n\r\n", "cannot be asked"),
    ],
)
async def test_a_proxy_that_leads_nowhere_is_told(answer: bytes, told: str) -> None:
    async with loopback_server(partial(says, answer)) as port:
        with pytest.raises(ProviderRefused, match=told):
            await fetching(ssl.create_default_context(), proxy=f"http://127.0.0.1:{port}")(
                "https://sso.example.org/"
            )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000,
        b"SSH-2.0-x\r\n\r\n",
        b"",
    ],
    ids=("cut", "endless head", "not HTTP", "nothing"),
)
async def test_half_an_answer_is_none(tmp_path: Path, answer: bytes) -> None:
    async with a_provider(tmp_path, answer) as (url, tls):
        with pytest.raises(ProviderRefused, match="cannot be asked"):
            await fetching(tls)(url)


async def test_a_redirect_is_an_answer_and_leads_nowhere(tmp_path: Path) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://evil.example.org/\r\n\r\n"
    async with a_provider(tmp_path, moved) as (url, tls):
        found = await fetching(tls)(url)

    assert found.status == 302
    with pytest.raises(ProviderRefused, match="no JSON object"):
        found.object("it")
