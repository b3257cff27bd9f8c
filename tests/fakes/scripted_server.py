"""A server for the agent's tests: real gRPC over real TLS on loopback, a few dicts for a store.

It keeps the protocol's promises (commit, then acknowledge; never twice; Resend for a digest that it
does not hold), and breaks exactly where a test tells it to.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.timestamp_pb2 import Timestamp

from fakes.authority import PEM, Authority
from vigie.v1 import enrollment_pb2, enrollment_pb2_grpc, telemetry_pb2, telemetry_pb2_grpc

Context = grpc.aio.ServicerContext[telemetry_pb2.SessionRequest, telemetry_pb2.SessionResponse]


@dataclass
class Committed:
    """One snapshot as the server took it. `rows` is None when only its digest travelled."""

    seq: int
    topic: str
    rows: list[tuple[str, ...]] | None
    report: telemetry_pb2.Report


@dataclass
class Store:
    """What survives the server's death."""

    epoch: bytes = b"epoch-1"
    last_seq: dict[bytes, int] = field(default_factory=dict)
    held: dict[str, bytes] = field(default_factory=dict)
    committed: list[Committed] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)

    def rows(self, topic: str) -> list[list[tuple[str, ...]]]:
        """The contents that this topic had, in order; a digest alone repeats the one before."""
        contents: list[list[tuple[str, ...]]] = []
        for taken in self.committed:
            if taken.topic == topic:
                contents.append(contents[-1] if taken.rows is None else taken.rows)
        return contents


class Scene:
    """One session, as a script sees it."""

    def __init__(self, server: "FakeServer", hello: telemetry_pb2.Hello, context: Context) -> None:
        self.server = server
        self.hello = hello
        self.context = context
        (pem,) = context.auth_context()["x509_pem_cert"]
        self.certificate = x509.load_pem_x509_certificate(pem)

    async def say(self, **message: object) -> None:
        await self.context.write(telemetry_pb2.SessionResponse(**message))  # type: ignore[arg-type]

    async def welcome(self) -> None:
        store, server = self.server.store, self.server
        now = Timestamp()
        now.FromDatetime(server.now())
        intervals = telemetry_pb2.Intervals(stay=server.stay)
        intervals.heartbeat.FromTimedelta(server.heartbeat)
        intervals.visit.FromTimedelta(server.visit)
        intervals.reconnect.FromTimedelta(server.reconnect)
        await self.say(
            welcome=telemetry_pb2.Welcome(
                store_epoch=store.epoch,
                resume_after=store.last_seq.get(self.hello.spool_id, 0),
                limits=server.limits,
                intervals=intervals,
                config=server.config,
                server_time=now,
            )
        )

    async def hear(self) -> telemetry_pb2.SessionRequest | None:
        """The next message; None at the end of what the agent says."""
        message = await self.context.read()
        if not isinstance(message, telemetry_pb2.SessionRequest):
            return None
        self.server.heard.append(message)
        await self.server.changed()
        return message

    async def hear_report(self) -> telemetry_pb2.Report:
        """The next report; what comes before it is passed over."""
        while (message := await self.hear()) is not None:
            if message.WhichOneof("message") == "report":
                return message.report
        raise AssertionError("the agent said no more")

    def commit(self, report: telemetry_pb2.Report) -> tuple[list[str], str | None]:
        """Takes a report into the store; the topics to resend, and why it was rejected."""
        store = self.server.store
        if report.seq <= store.last_seq.get(self.hello.spool_id, 0):
            return [], None
        store.last_seq[self.hello.spool_id] = report.seq
        reason = self.server.rejects(report)
        if reason is not None:
            store.rejected.append(report.seq)
            return [], reason
        resend = []
        for snapshot in report.snapshots:
            width = len(snapshot.columns)
            if snapshot.unchanged:
                if store.held.get(snapshot.topic) != snapshot.digest:
                    resend.append(snapshot.topic)
                    continue
                rows = None
            else:
                values = list(snapshot.values)
                rows = [tuple(values[at : at + width]) for at in range(0, len(values), width or 1)]
            store.held[snapshot.topic] = snapshot.digest
            store.committed.append(Committed(report.seq, snapshot.topic, rows, report))
        return resend, None

    async def acknowledge(self, seq: int, reason: str | None = None) -> None:
        rejected = [] if reason is None else [telemetry_pb2.Rejection(seq=seq, reason=reason)]
        await self.say(ack=telemetry_pb2.Ack(seq=seq, rejected=rejected))

    async def serve(self) -> None:
        """Commits and acknowledges until the agent says no more."""
        while (message := await self.hear()) is not None:
            if message.WhichOneof("message") == "report":
                resend, reason = self.commit(message.report)
                await self.server.changed()
                await self.acknowledge(message.report.seq, reason)
                if resend:
                    await self.say(resend=telemetry_pb2.Resend(topics=resend))


Script = Callable[[Scene], Awaitable[None]]


async def keep(scene: Scene) -> None:
    """What a server does when nothing goes wrong."""
    await scene.welcome()
    await scene.serve()


class FakeServer:
    """Start it, let an agent come, look at `store` and `heard`. Sessions take scripts in turn."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.store = Store()
        self.scripts: list[Script] = []
        self.hellos: list[telemetry_pb2.Hello] = []
        self.serials: list[int] = []
        self.heard: list[telemetry_pb2.SessionRequest] = []
        self.enrolled: list[enrollment_pb2.EnrollRequest] = []
        self.renewals: list[str] = []
        self.refuse_enrolment: tuple[grpc.StatusCode, str] | None = None
        self.refuse_session: tuple[grpc.StatusCode, str] | None = None
        self.issues_days: float = 90
        self.secret = os.urandom(16)
        self.stay = True
        self.heartbeat = timedelta(minutes=5)
        self.visit = timedelta(minutes=15)
        self.reconnect = timedelta()
        self.limits = telemetry_pb2.Limits(max_in_flight=16)
        self.config: telemetry_pb2.Config | None = None
        self.rejects: Callable[[telemetry_pb2.Report], str | None] = lambda _: None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.telemetry_port = 0
        self.enrolment_port = 0
        self._files = authority.server_files()
        self._servers: list[grpc.aio.Server] = []
        self._condition = asyncio.Condition()
        self._nonces: set[bytes] = set()

    @property
    def telemetry(self) -> str:
        return f"127.0.0.1:{self.telemetry_port}"

    @property
    def enrolment(self) -> str:
        return f"127.0.0.1:{self.enrolment_port}"

    async def start(self) -> None:
        """Listens, on the ports of last time if there was one."""
        roots = self.authority.certificate.public_bytes(PEM)
        mutual = grpc.ssl_server_credentials(
            [self._files], root_certificates=roots, require_client_auth=True
        )
        open_to_all = grpc.ssl_server_credentials([self._files])
        self.telemetry_port = await self._listen(self.telemetry_port, mutual, self._telemetry)
        self.enrolment_port = await self._listen(self.enrolment_port, open_to_all, self._enrolment)

    async def die(self) -> None:
        """Drops every connection at once."""
        for server in self._servers:
            await server.stop(None)
        self._servers.clear()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until something that the server saw makes the condition true."""
        async with self._condition:
            await self._condition.wait_for(condition)

    async def changed(self) -> None:
        async with self._condition:
            self._condition.notify_all()

    def issue(
        self, signing_request: bytes, device_id: str = "device-1", **terms: object
    ) -> enrollment_pb2.Identity:
        """The identity that a device gets."""
        issued = self.authority.device_certificate(
            signing_request,
            device_id,
            **{"days": self.issues_days, **terms},  # type: ignore[arg-type]
        )
        return enrollment_pb2.Identity(
            device_id=device_id,
            certificate_chain=[issued],
            trust_bundle=[self.authority.der],
            telemetry_endpoints=[self.telemetry],
            enrollment_endpoints=[self.enrolment],
        )

    async def _listen(
        self,
        port: int,
        credentials: grpc.ServerCredentials,
        serve: Callable[[grpc.aio.Server], None],
    ) -> int:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        serve(server)
        bound = server.add_secure_port(f"127.0.0.1:{port}", credentials)
        await server.start()
        self._servers.append(server)
        return bound

    def _telemetry(self, server: grpc.aio.Server) -> None:
        telemetry_pb2_grpc.add_TelemetryServiceServicer_to_server(_Telemetry(self), server)

    def _enrolment(self, server: grpc.aio.Server) -> None:
        enrollment_pb2_grpc.add_EnrollmentServiceServicer_to_server(_Enrolment(self), server)

    def new_nonce(self) -> bytes:
        nonce = os.urandom(16)
        self._nonces.add(nonce)
        return nonce

    def prove(self, request: enrollment_pb2.RenewExpiredRequest) -> None:
        """Raises when the signature is not that of the certificate's key over our nonce."""
        self._nonces.remove(request.nonce)
        key = x509.load_der_x509_certificate(request.certificate).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        signed = b"vigie-renew-v1\n" + request.nonce + request.device_id.encode()
        key.verify(request.signature, signed, ec.ECDSA(hashes.SHA256()))


class _Telemetry(telemetry_pb2_grpc.TelemetryServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def Session(self, _: object, context: Context) -> None:  # type: ignore[override]  # noqa: N802 (gRPC names it)
        server = self._server
        if server.refuse_session is not None:
            await context.abort(*server.refuse_session)
        first = await context.read()
        if not isinstance(first, telemetry_pb2.SessionRequest):
            return
        scene = Scene(server, first.hello, context)
        server.hellos.append(first.hello)
        server.serials.append(scene.certificate.serial_number)
        script = server.scripts.pop(0) if server.scripts else keep
        await server.changed()
        with suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
            await script(scene)

    async def Renew(  # noqa: N802 (gRPC names it)
        self, request: telemetry_pb2.RenewRequest, _: object
    ) -> telemetry_pb2.RenewResponse:
        self._server.renewals.append("mutual")
        identity = self._server.issue(request.certificate_signing_request)
        return telemetry_pb2.RenewResponse(identity=identity)


class _Enrolment(enrollment_pb2_grpc.EnrollmentServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def Enroll(  # noqa: N802 (gRPC names it)
        self, request: enrollment_pb2.EnrollRequest, context: Context
    ) -> enrollment_pb2.EnrollResponse:
        server = self._server
        server.enrolled.append(request)
        if server.refuse_enrolment is not None:
            await context.abort(*server.refuse_enrolment)
        if request.token_secret != server.secret:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the token is used up")
        identity = server.issue(request.certificate_signing_request)
        return enrollment_pb2.EnrollResponse(identity=identity, pending=True)

    async def GetRenewalNonce(  # noqa: N802 (gRPC names it)
        self, _: enrollment_pb2.GetRenewalNonceRequest, __: object
    ) -> enrollment_pb2.GetRenewalNonceResponse:
        return enrollment_pb2.GetRenewalNonceResponse(nonce=self._server.new_nonce())

    async def RenewExpired(  # noqa: N802 (gRPC names it)
        self, request: enrollment_pb2.RenewExpiredRequest, _: object
    ) -> enrollment_pb2.RenewExpiredResponse:
        self._server.prove(request)
        self._server.renewals.append("expired")
        identity = self._server.issue(request.certificate_signing_request, request.device_id)
        return enrollment_pb2.RenewExpiredResponse(identity=identity)
