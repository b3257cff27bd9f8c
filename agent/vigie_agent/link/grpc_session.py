"""The telemetry port over gRPC: one bidirectional stream under mutual TLS, and renewal."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import grpc
import structlog

from vigie.v1 import telemetry_pb2, telemetry_pb2_grpc
from vigie_agent.domain.errors import LinkLost
from vigie_agent.domain.identity import Identity, Issued
from vigie_agent.domain.session import Disable, Goodbye, Hello, Order, Sent, Welcome
from vigie_agent.link import wire
from vigie_agent.link.channel import CALL_TIMEOUT, channel, credentials_of, translated
from vigie_agent.link.proxies import Proxies
from vigie_agent.ports import Line

log = structlog.get_logger()

Stream = grpc.aio.StreamStreamCall[telemetry_pb2.SessionRequest, telemetry_pb2.SessionResponse]


class GrpcLink:
    """See `vigie_agent.ports.Link`. `https_proxy` wins over the system's."""

    def __init__(self, https_proxy: str | None = None) -> None:
        self._proxies = Proxies(https_proxy)

    @asynccontextmanager
    async def open(self, identity: Identity, endpoint: str) -> AsyncIterator[Line]:
        async with channel(endpoint, credentials_of(identity), self._proxies) as opened:
            stream = telemetry_pb2_grpc.TelemetryServiceStub(opened).Session()
            try:
                yield GrpcLine(stream, endpoint)
            finally:
                stream.cancel()

    async def renew(self, identity: Identity, endpoint: str, signing_request: bytes) -> Issued:
        request = telemetry_pb2.RenewRequest(certificate_signing_request=signing_request)
        async with channel(endpoint, credentials_of(identity), self._proxies) as opened:
            with translated(endpoint):
                stub = telemetry_pb2_grpc.TelemetryServiceStub(opened)
                response = await stub.Renew(request, timeout=CALL_TIMEOUT)
        return wire.issued(response.identity)


class GrpcLine:
    """See `vigie_agent.ports.Line`."""

    def __init__(self, stream: Stream, endpoint: str) -> None:
        self._stream: Final = stream
        self._endpoint: Final = endpoint
        self._writing = asyncio.Lock()

    async def greet(self, hello: Hello) -> Welcome | Goodbye | Disable:
        with translated(self._endpoint):
            async with asyncio.timeout(CALL_TIMEOUT):
                with suppress(asyncio.InvalidStateError):  # reading says why it is over already
                    await self._stream.write(wire.hello(hello))
                message = await self._stream.read()
        if not isinstance(message, telemetry_pb2.SessionResponse):
            raise LinkLost(f"{self._endpoint}: the server hung up instead of greeting")
        answer = wire.greeting(message)
        if answer is None:
            raise LinkLost(f"{self._endpoint}: the server did not greet")
        return answer

    async def send(self, message: Sent) -> None:
        async with self._writing:
            for request in wire.requests(message):
                with _ended(self._endpoint), translated(self._endpoint):
                    await self._stream.write(request)

    async def receive(self) -> Order | None:
        while True:
            with translated(self._endpoint):
                message = await self._stream.read()
            if not isinstance(message, telemetry_pb2.SessionResponse):
                return None
            order = wire.order(message)
            if order is not None:
                return order
            log.debug("order_ignored")  # of a newer server

    async def finish(self) -> None:
        async with self._writing:
            with _ended(self._endpoint), translated(self._endpoint):
                await self._stream.done_writing()


@contextmanager
def _ended(endpoint: str) -> Iterator[None]:
    """Writing to a stream that the server has ended is a lost link, not a misuse."""
    try:
        yield
    except asyncio.InvalidStateError as error:
        raise LinkLost(f"{endpoint}: the session is over") from error
