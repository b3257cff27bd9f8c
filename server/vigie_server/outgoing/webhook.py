"""Notices to webhooks: one POST of JSON over HTTPS, signed.

The address is resolved once, checked, and called: a name that changes its mind between leads
nowhere. No redirect is followed; of the answer only its status is read.
"""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import h11

from vigie_server.domain.mail.addresses import Network, may_call
from vigie_server.domain.notices.message import Message, as_text
from vigie_server.domain.notices.recipients import url_of
from vigie_server.outgoing.secrets import NoSecret, secret_of
from vigie_server.ports.notifying import Outcome, Sending, Sent

HTTPS: Final = 443
READ_AT_ONCE: Final = 4_096
MOST_HEAD: Final = 32 * 1024
"""Bytes of an answer's head."""
_ANY_SUCCESS: Final = range(200, 300)


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What `X-Vigie-Signature` says: HMAC-SHA256 over timestamp, a full stop, and the body."""
    signed = timestamp.encode("ascii") + b"." + body
    return "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class ByWebhook:
    """The `Carrier` of webhooks. `secrets` is the folder of the secrets that are files."""

    allowed: Sequence[Network]
    tls: ssl.SSLContext
    secrets: Path
    within: float
    version: str
    words: Callable[[Sending], Message]
    now: Callable[[], datetime]

    async def __call__(self, sending: Sending) -> Outcome:
        try:
            secret = await asyncio.to_thread(secret_of, sending.recipient.secret, self.secrets)
            async with asyncio.timeout(self.within):
                status = await self._post(sending, secret)
        except (NoSecret, _Unreachable) as error:
            return Outcome(Sent.FAILED, str(error))
        except (OSError, h11.ProtocolError, UnicodeError) as error:
            return Outcome(Sent.FAILED, _why(error))
        if status in _ANY_SUCCESS:
            return Outcome(Sent.SENT)
        return Outcome(Sent.FAILED, f"answered {status}")

    async def _post(self, sending: Sending, secret: bytes) -> int:
        url = url_of(sending.recipient.address)
        host, port = url.hostname or "", url.port or HTTPS
        address = await self._address(host, port)
        timestamp = str(int(self.now().timestamp()))
        body = self._body(sending)
        request = h11.Request(
            method="POST",
            target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
            headers=[
                ("Host", url.netloc),
                ("User-Agent", f"vigie-server/{self.version}"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                ("X-Vigie-Notice", sending.id),
                ("X-Vigie-Timestamp", timestamp),
                ("X-Vigie-Signature", signature(secret, timestamp, body)),
            ],
        )
        reader, writer = await asyncio.open_connection(
            address, port, ssl=self.tls, server_hostname=host
        )
        try:
            return await _answered(reader, writer, request, body)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _address(self, host: str, port: int) -> str:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(place[4][0]) for place in found]
        for address in addresses:
            if may_call(address, self.allowed):
                return address
        raise _Unreachable(
            "its address is a private one: list its network in NOTIFY__PRIVATE_NETWORKS"
        )

    def _body(self, sending: Sending) -> bytes:
        message = self.words(sending)
        told: Mapping[str, Any] = {
            "id": sending.id,
            "kind": sending.kind.value,
            "site": sending.site or None,
            "at": sending.at.isoformat(),
            "language": message.language,
            "title": message.subject,
            "text": as_text(message),
            "content": sending.content,
        }
        return json.dumps(told, ensure_ascii=False).encode()


class _Unreachable(Exception):
    """It is not called."""


def _why(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate: {error.verify_message}"
        case _:
            return f"cannot be reached: {type(error).__name__}"


async def _answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
) -> int:
    """The status of the answer. Raises OSError, h11.RemoteProtocolError."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
    sent: Sequence[h11.Event] = (request, h11.Data(data=body), h11.EndOfMessage())
    writer.write(b"".join(connection.send(event) or b"" for event in sent))
    await writer.drain()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_AT_ONCE))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.InformationalResponse):
            continue
        else:  # the connection ended before an answer
            raise ConnectionResetError
