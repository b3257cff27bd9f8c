"""One gRPC call on a TLS connection of its own, for a client that costs little.

HTTP/2 by `h2`, TLS by pyOpenSSL, gRPC's framing (five bytes before a message, the status in the
trailers) by hand. A visit costs a third of what gRPC's own Python client takes, which makes a new
channel for each device; and what a broken agent does can be done here.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from h2.config import H2Configuration
from h2.connection import (
    ConnectionInputs,
    ConnectionState,
    H2Connection,
    H2ConnectionStateMachine,
)
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from OpenSSL import SSL

from vigie.v1 import returning
from vigie_server.simulator.identity import Identity
from vigie_server.simulator.tls import TlsRefused, tls_connection

SESSION: Final = b"/vigie.v1.TelemetryService/Session"
OK: Final = 0
UNAVAILABLE: Final = 14

_RETRY_AFTER: Final = returning.RETRY_AFTER.encode()
_STREAM: Final = 1
_PREFIX: Final = struct.Struct(">BI")
_READ_AT_ONCE: Final = 64 * 1024
_ACKNOWLEDGES_WITHIN: Final = 0.05
_CONFIGURATION: Final = H2Configuration(
    client_side=True,
    header_encoding=None,
    # What we send is the same each time, and servers are judged by other tests.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class _OpenToTheEnd(H2ConnectionStateMachine):
    """Calls that are open when the server says GOAWAY go on: what it has to say comes behind it.

    To h2 the connection is over then, and the Goodbye of a server that stops would be an error.
    """

    _transitions = {  # noqa: RUF012 (as h2 has it)
        **H2ConnectionStateMachine._transitions,  # noqa: SLF001 (h2 has no other way)
        (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (
            None,
            ConnectionState.CLIENT_OPEN,
        ),
    }


def http_connection() -> H2Connection:
    """A client's half of an HTTP/2 connection, not begun."""
    connection = H2Connection(_CONFIGURATION)
    connection.state_machine = _OpenToTheEnd()
    return connection


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended: gRPC's code and message, and when the server wants the device back."""

    code: int
    message: str = ""
    retry_after: timedelta | None = None


class StreamLost(ConnectionError):
    """The connection ended before the call did."""


class Stream(asyncio.Protocol):
    """A client's stream of messages. `status` is None while it is open."""

    def __init__(self, context: SSL.Context, identity: Identity, server_name: str) -> None:
        self._tls = tls_connection(context, identity, server_name)
        self._http = http_connection()
        self._authority = server_name.encode()
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._shaken = False
        self._outgoing = bytearray()
        self._finishing = False
        self._incoming = bytearray()
        self._messages = deque[bytes]()
        self._waiter: asyncio.Future[None] | None = None
        self._write_soon: asyncio.Handle | None = None
        self._lost: Exception | None = None
        self.status: Status | None = None

    # --- For whoever converses --------------------------------------------------------------------

    async def opened(self) -> None:
        """Returns once TLS is agreed and the call has begun. Raises TlsRefused, StreamLost."""
        await self._opened

    def send(self, message: bytes) -> None:
        """Sends a message, as fast as the server lets it in. Before `opened` too."""
        self._outgoing += _PREFIX.pack(0, len(message))
        self._outgoing += message
        self._flush()

    def send_raw(self, octets: bytes) -> None:
        """Sends bytes of the call as they are, at once: half a message, or rubbish."""
        self._outgoing += octets
        self._flush()
        self._write_frames()

    def send_below(self, octets: bytes) -> None:
        """Sends bytes inside TLS as they are, in the place of HTTP/2 frames."""
        self._write_frames()
        self._tls.sendall(octets)
        self._write()

    def finish(self) -> None:
        """Says that this was the last message."""
        self._finishing = True
        self._flush()

    async def message(self) -> bytes | None:
        """The next message; None when the server has ended the call. Raises StreamLost."""
        while not self._messages:
            if self.status is not None:
                return None
            if self._lost is not None:
                raise StreamLost(str(self._lost) or "connection lost") from self._lost
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._messages.popleft()

    def pause_reading(self) -> None:
        """Takes nothing from the network until `resume_reading`."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Takes from the network again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Leaves; what has been sent still travels."""
        if self._transport is not None:
            self._write_frames()
            self._transport.close()

    def abort(self) -> None:
        """Cuts the connection, whatever is on its way."""
        self._opened.cancel()
        if self._transport is not None:
            self._transport.abort()

    # --- For the event loop -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (a TCP connection)
        self._transport = transport
        self._shake()

    def data_received(self, data: bytes) -> None:
        try:
            self._tls.bio_write(data)
            if not self._shaken:
                self._shake()
            if self._shaken:
                self._read()
        except (SSL.Error, ProtocolError) as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._lost is None:
            self._lost = error
        if self._write_soon is not None:
            self._write_soon.cancel()
        if not self._opened.done():
            refused = TlsRefused(f"TLS: {error}") if isinstance(error, SSL.Error) else None
            self._opened.set_exception(refused or StreamLost(str(error)))
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- TLS --------------------------------------------------------------------------------------

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._write()
            return
        except SSL.Error as error:
            self._write()  # the alert that says why
            self._fail(error)
            return
        self._shaken = True
        self._http.initiate_connection()
        self._http.send_headers(_STREAM, self._headers())
        self._flush()
        if not self._opened.done():
            self._opened.set_result(None)

    def _headers(self) -> Sequence[tuple[bytes, bytes]]:
        return (
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":path", SESSION),
            (b":authority", self._authority),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"vigie-sim"),
        )

    def _read(self) -> None:
        events: list[Event] = []
        while True:
            try:
                events += self._http.receive_data(self._tls.recv(_READ_AT_ONCE))
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._fail(ConnectionResetError("the server closed TLS"))
                break
        for event in events:
            self._handle(event)
        if self._outgoing:
            self._flush()
        elif self._write_soon is None:
            # Acknowledgements of settings and pings travel with what is said next, if it is soon.
            loop = asyncio.get_running_loop()
            self._write_soon = loop.call_later(_ACKNOWLEDGES_WITHIN, self._write_frames)

    def _write(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        while True:
            try:
                self._transport.write(self._tls.bio_read(_READ_AT_ONCE))
            except SSL.WantReadError:
                return

    # --- HTTP/2 -----------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        match event:
            case DataReceived(data=data, flow_controlled_length=length):
                self._incoming += data or b""
                if length and self.status is None:
                    self._http.acknowledge_received_data(length, _STREAM)
                self._take_messages()
            case TrailersReceived(headers=headers) | ResponseReceived(headers=headers):
                told = dict(headers or ())
                if b"grpc-status" in told:
                    code, text = told[b"grpc-status"], told.get(b"grpc-message", b"")
                    after = told.get(_RETRY_AFTER, b"").decode("ascii", "replace")
                    later = returning.asked([(returning.RETRY_AFTER, after)])
                    self._end(Status(int(code), text.decode("utf-8", "replace"), later))
            case StreamEnded():
                self._end(Status(UNAVAILABLE, "the call ended without a status"))
            case StreamReset(error_code=code):
                self._end(Status(UNAVAILABLE, f"the call was reset: {code}"))
            case ConnectionTerminated(error_code=code) if code != ErrorCodes.NO_ERROR:
                self._end(Status(UNAVAILABLE, f"the connection was ended: {code}"))
            case WindowUpdated() | _:
                pass

    def _end(self, status: Status) -> None:
        if self.status is None:
            self.status = status
        self._wake()

    def _take_messages(self) -> None:
        while len(self._incoming) >= _PREFIX.size:
            _, length = _PREFIX.unpack_from(self._incoming)
            end = _PREFIX.size + length
            if len(self._incoming) < end:
                return
            self._messages.append(bytes(self._incoming[_PREFIX.size : end]))
            del self._incoming[:end]
            self._wake()

    def _flush(self) -> None:
        """Sends as much as the server's windows let in."""
        if not self._shaken or self._lost is not None:
            return
        if self.status is None:
            while self._outgoing:
                room = min(
                    self._http.local_flow_control_window(_STREAM),
                    self._http.max_outbound_frame_size,
                )
                if room <= 0:
                    break
                self._http.send_data(_STREAM, bytes(self._outgoing[:room]))
                del self._outgoing[:room]
            if self._finishing and not self._outgoing:
                self._finishing = False
                self._http.end_stream(_STREAM)
        if not isinstance(self._write_soon, asyncio.TimerHandle | None):
            return
        if self._write_soon is not None:
            self._write_soon.cancel()
        self._write_soon = asyncio.get_running_loop().call_soon(self._write_frames)

    def _write_frames(self) -> None:
        """Writes what one turn of the loop has come to, at once: packets cost most of a visit."""
        if self._write_soon is not None:
            self._write_soon.cancel()
            self._write_soon = None
        if not self._shaken or self._lost is not None:
            return
        frames = self._http.data_to_send()
        if frames:
            self._tls.sendall(frames)
        self._write()


async def opened_stream(
    context: SSL.Context,
    identity: Identity,
    endpoint: tuple[str, int],
    server_name: str,
    hello: bytes,
) -> Stream:
    """A stream on a new connection to `endpoint` (address and port), greeted with `hello`.

    Raises TlsRefused, StreamLost, OSError.
    """
    stream = Stream(context, identity, server_name)
    stream.send(hello)
    try:
        await asyncio.get_running_loop().create_connection(lambda: stream, *endpoint)
        await stream.opened()
    except BaseException:
        stream.abort()
        raise
    return stream
