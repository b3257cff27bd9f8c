"""HTTPS requests to the identity provider, bounded in time and size. No redirect is followed."""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import h11

from vigie_server.domain.errors import ProviderRefused
from vigie_server.domain.proving import ProviderFault

HTTPS_PORT: Final = 443
READ_AT_ONCE: Final = 16 * 1024
MOST_HEAD: Final = 32 * 1024
"""Bytes of an answer's head."""

_NEXT_ADDRESS: Final = 0.25
"""Seconds after which a name's next address is tried beside one that says nothing (RFC 8305)."""
_ANY_SUCCESS: Final = range(200, 300)

Headers = Sequence[tuple[str, str]]


class _ProxyRefused(OSError):
    """The proxy leads nowhere; `status` is its answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of the provider. `kind`: its media type, without parameters."""

    status: int
    kind: str
    body: bytes

    def object(self, what: str) -> Mapping[str, Any]:
        """The JSON object in it. Raises ProviderRefused, which says of what."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProviderRefused(
                ProviderFault.ANSWER, f"{what}: the provider answered {self.status}, no JSON object"
            )
        return found


@dataclass(frozen=True, slots=True)
class Fetching:
    """Asks the provider. `within` is in seconds and of a whole answer, `most` its bytes.

    `proxy`: the address of an HTTP proxy that leads to it (`http://name:port`); empty: none does.
    """

    tls: ssl.SSLContext
    within: float
    most: int
    version: str
    proxy: str = ""

    async def __call__(
        self, url: str, *, headers: Headers = (), body: bytes | None = None
    ) -> Fetched:
        """The answer to a GET, or with a body to a POST. Raises ProviderRefused."""
        try:
            async with asyncio.timeout(self.within):
                return await self._asked(url, headers, body)
        except TimeoutError:
            why = f"no answer within {self.within:g} s"
        except ssl.SSLCertVerificationError as error:
            why = f"its certificate: {error.verify_message}"
        except _ProxyRefused as error:
            why = f"the proxy answers {error.status}"
        except (OSError, h11.ProtocolError, UnicodeError) as error:
            why = f"cannot be asked: {type(error).__name__}"
        host = urlsplit(url).hostname
        raise ProviderRefused(ProviderFault.UNREACHABLE, f"{host}: {why}") from None

    async def _asked(self, url: str, headers: Headers, body: bytes | None) -> Fetched:
        place = urlsplit(url)
        host = place.hostname or ""
        length = () if body is None else (("Content-Length", str(len(body))),)
        request = h11.Request(
            method="GET" if body is None else "POST",
            target=(place.path or "/") + (f"?{place.query}" if place.query else ""),
            headers=[
                ("Host", place.netloc),
                ("User-Agent", f"vigie-server/{self.version}"),
                ("Connection", "close"),
                *length,
                *headers,
            ],
        )
        reader, writer = await self._connected(host, place.port or HTTPS_PORT)
        try:
            return await self._talked(reader, writer, request, body or b"")
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connected(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection to the provider, whose certificate is checked."""
        if not self.proxy:
            return await asyncio.open_connection(
                host, port, ssl=self.tls, server_hostname=host, happy_eyeballs_delay=_NEXT_ADDRESS
            )
        proxy = urlsplit(self.proxy)
        reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port)
        try:
            await _led(
                reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy
            )
            await writer.start_tls(self.tls, server_hostname=host)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _talked(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: h11.Request,
        body: bytes,
    ) -> Fetched:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
        sent: Sequence[h11.Event] = (request, h11.Data(data=body), h11.EndOfMessage())
        writer.write(b"".join(connection.send(event) or b"" for event in sent))
        await writer.drain()
        status, kind, found = 0, "", bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_AT_ONCE))
            elif isinstance(event, h11.Response):
                status = event.status_code
                said = dict(event.headers).get(b"content-type", b"")
                kind = said.decode("latin-1").partition(";")[0].strip().lower()
            elif isinstance(event, h11.Data):
                found += event.data
                if len(found) > self.most:
                    raise ProviderRefused(
                        ProviderFault.ANSWER, f"an answer is longer than {self.most} bytes"
                    )
            elif isinstance(event, h11.EndOfMessage):
                return Fetched(status, kind, bytes(found))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError


async def _led(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str, proxy: SplitResult
) -> None:
    """Has the proxy lead to a place (RFC 9110, section 9.3.6). Raises ConnectionError."""
    headers = [("Host", to)]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers.append(("Proxy-Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
    asked = h11.Request(method="CONNECT", target=to, headers=headers)
    writer.write(b"".join(connection.send(event) or b"" for event in (asked, h11.EndOfMessage())))
    await writer.drain()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_AT_ONCE))
        elif isinstance(event, h11.Response):
            if event.status_code not in _ANY_SUCCESS:
                raise _ProxyRefused(event.status_code)
            return
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionResetError
