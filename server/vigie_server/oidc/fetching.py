"""HTTPS requests to the identity provider, bounded in time and size. No redirect is followed."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import h11

from vigie_server.domain.errors import ProviderRefused
from vigie_server.domain.proving import ProviderFault

HTTPS_PORT: Final = 443
READ_AT_ONCE: Final = 16 * 1024
MOST_HEAD: Final = 32 * 1024
"""Bytes of an answer's head."""

Headers = Sequence[tuple[str, str]]


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
    """Asks the provider. `within` is in seconds and of a whole answer, `most` its bytes."""

    tls: ssl.SSLContext
    within: float
    most: int
    version: str

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
        reader, writer = await asyncio.open_connection(
            host, place.port or HTTPS_PORT, ssl=self.tls, server_hostname=host
        )
        try:
            return await self._talked(reader, writer, request, body or b"")
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

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
