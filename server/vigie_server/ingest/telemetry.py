"""The telemetry port: a thin shell around sessions. Mutual TLS says who speaks."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import structlog

from vigie.v1 import returning, telemetry_pb2
from vigie_server.domain.errors import MalformedRequest, StoreBusy, VigieError
from vigie_server.domain.orders import Order
from vigie_server.ingest import wire
from vigie_server.ingest.methods import Context, decoded, service
from vigie_server.ingest.statuses import STATUS_OF
from vigie_server.ports.enrolment import Renewal
from vigie_server.ports.sessions import LiveSession, Peer, Sessions

log = structlog.get_logger()

Identify = Callable[[bytes], Peer]
"""The peer of a certificate in PEM. Raises UnknownDevice when it names no device."""


class Telemetry:
    """Serves `vigie.v1.TelemetryService`."""

    def __init__(
        self, sessions: Sessions, renewal: Renewal, identify: Identify, *, hello_within: float
    ) -> None:
        self._sessions = sessions
        self._renewal = renewal
        self._identify = identify
        self._hello_within = hello_within

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        return service(
            telemetry_pb2.DESCRIPTOR.services_by_name["TelemetryService"],
            unary={"Renew": self.renew},
            streams={"Session": self.session},
        )

    async def session(self, _: Any, context: Context) -> None:
        device = ""
        try:
            peer = self._peer(context)
            device = peer.device_id
            await self._converse(peer, context)
        except StoreBusy as error:
            # The status has the device try another server, which may reach the store.
            later = self._sessions.later()
            log.warning("session_refused", device=device, error=str(error))
            await context.abort(STATUS_OF[StoreBusy], str(error), returning.told(later))
        except VigieError as error:
            log.warning("session_refused", device=device, error=str(error))
            await context.abort(STATUS_OF[type(error)], str(error))

    async def renew(self, message: bytes, context: Context) -> telemetry_pb2.RenewResponse:
        device = ""
        try:
            peer = self._peer(context)
            device = peer.device_id
            asked = decoded(telemetry_pb2.RenewRequest, message)
            identity = await self._renewal.renew(peer, asked.certificate_signing_request)
        except VigieError as error:
            log.warning("renewal_refused", device=device, error=str(error))
            await context.abort(STATUS_OF[type(error)], str(error))
        log.info("certificate_renewed", device=device)
        return telemetry_pb2.RenewResponse(identity=wire.identity(identity))

    async def _converse(self, peer: Peer, context: Context) -> None:
        greeting = await self._greeting(context)
        if greeting is None:
            return
        opened = await self._sessions.open(peer, wire.hello(greeting))
        if isinstance(opened, Order):
            await context.write(wire.order(opened))
            return
        # A line for each visit of a large fleet would be gigabytes a day.
        told = log.info if opened.welcome.intervals.stay else log.debug
        told("session_opened", device=peer.device_id)
        try:
            failure = await self._serve(opened, context)
        finally:
            opened.close()
            told("session_closed", device=peer.device_id)
        if failure is not None:
            raise failure

    async def _serve(self, session: LiveSession, context: Context) -> VigieError | None:
        """What went wrong with what the device sent; all that came before it is answered."""
        await context.write(wire.welcome(session.welcome))
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(session, context))
            async for order in session.orders():
                await context.write(wire.order(order))
            if not listening.done():
                listening.cancel()
                return None
        return listening.result()

    async def _listen(self, session: LiveSession, context: Context) -> VigieError | None:
        failure = None
        try:
            while (message := await _next(context)) is not None:
                request = decoded(telemetry_pb2.SessionRequest, message)
                match request.WhichOneof("message"):
                    case "report":
                        await session.take(wire.report(request.report))
                    case "heartbeat":
                        session.beat(wire.heartbeat(request.heartbeat))
                    case "answer":
                        await session.answer(wire.answer(request.answer))
                    case "hello":
                        raise MalformedRequest("a second hello")
                    case None:
                        log.debug("message_ignored")  # a kind of message of a newer version
        except VigieError as error:
            failure = error
        session.finish()
        return failure

    async def _greeting(self, context: Context) -> telemetry_pb2.Hello | None:
        """The first message; None when the device left without one."""
        try:
            async with asyncio.timeout(self._hello_within):
                message = await _next(context)
        except TimeoutError:
            raise MalformedRequest("no hello came") from None
        if message is None:
            return None
        request = decoded(telemetry_pb2.SessionRequest, message)
        if request.WhichOneof("message") != "hello":
            raise MalformedRequest("the first message is not a hello")
        return request.hello

    def _peer(self, context: Context) -> Peer:
        certificates = context.auth_context().get("x509_pem_cert", ())
        return self._identify(next(iter(certificates), b""))


async def _next(context: Context) -> bytes | None:
    """The next message; None when the device has sent its last."""
    message: object = await context.read()
    return message if isinstance(message, bytes) else None
