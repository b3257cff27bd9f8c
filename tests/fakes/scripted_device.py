"""A device that says exactly what a test scripts, over real TLS: good, broken or hostile."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from google.protobuf.duration_pb2 import Duration

from vigie.v1 import enrollment_pb2, enrollment_pb2_grpc, snapshot_pb2, telemetry_pb2
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie.v1.enrolment_token import decode

OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
)


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def a_request(key: ec.EllipticCurvePrivateKey, name: str = "ignored") -> bytes:
    """A signing request whose subject the server must ignore."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class ScriptedIdentity:
    """What a device keeps of its enrolment."""

    device_id: str
    key: ec.EllipticCurvePrivateKey
    certificate: bytes
    authority_pem: bytes
    telemetry: str
    pending: bool

    @property
    def certificate_pem(self) -> bytes:
        return x509.load_der_x509_certificate(self.certificate).public_bytes(Encoding.PEM)


@asynccontextmanager
async def enrolment_stub(
    endpoint: str, authority_pem: bytes
) -> AsyncIterator["enrollment_pb2_grpc.EnrollmentServiceAsyncStub"]:
    credentials = grpc.ssl_channel_credentials(root_certificates=authority_pem)
    async with grpc.aio.secure_channel(endpoint, credentials, options=OPTIONS) as channel:
        yield enrollment_pb2_grpc.EnrollmentServiceStub(channel)


async def enrolled(
    token: str,
    authority_pem: bytes,
    *,
    platform: str = "linux",
    hostname: str = "poste-1",
    serial: str = "",
    uuid: str = "",
) -> ScriptedIdentity:
    """Enrols as an agent does; raises grpc.aio.AioRpcError when refused."""
    parts = decode(token)
    key = a_key()
    async with enrolment_stub(parts.endpoints[0], authority_pem) as stub:
        answer = await stub.Enroll(
            enrollment_pb2.EnrollRequest(
                token_secret=parts.secret,
                certificate_signing_request=a_request(key),
                claims=enrollment_pb2.HardwareClaims(
                    hardware_serial=serial,
                    hardware_uuid=uuid,
                    hostname=hostname,
                    platform=platform,
                ),
                agent_version="0.1.0",
            )
        )
    identity = answer.identity
    return ScriptedIdentity(
        device_id=identity.device_id,
        key=key,
        certificate=identity.certificate_chain[0],
        authority_pem=authority_pem,
        telemetry=identity.telemetry_endpoints[0],
        pending=answer.pending,
    )


def a_hello(
    *, spool_id: bytes = b"s" * 16, boot_id: str = "boot-1", highest_seq: int = 0
) -> telemetry_pb2.Hello:
    return telemetry_pb2.Hello(
        agent_version="0.1.0",
        engine="embedded",
        platform="linux",
        boot_id=boot_id,
        spool_id=spool_id,
        highest_seq=highest_seq,
    )


def a_snapshot(
    topic: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> snapshot_pb2.Snapshot:
    """A whole snapshot in canonical order, with its digest."""
    names, ordered = canonical_rows(columns, rows)
    values = [value for row in ordered for value in row]
    return snapshot_pb2.Snapshot(
        topic=topic,
        topic_version=1,
        digest=snapshot_digest(
            topic=topic, topic_version=1, status=1, message="", columns=names, values=values
        ),
        status=snapshot_pb2.SNAPSHOT_STATUS_OK,
        columns=names,
        values=values,
        row_count=len(ordered),
    )


def unchanged(snapshot: snapshot_pb2.Snapshot) -> snapshot_pb2.Snapshot:
    """The same snapshot when only its digest travels."""
    return snapshot_pb2.Snapshot(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        digest=snapshot.digest,
        status=snapshot.status,
        unchanged=True,
    )


FIREWALL_COLUMNS = ("part", "collected", "why", "name", "enabled")


def a_firewall(enabled: str = "1", *, name: str = "ipv4") -> snapshot_pb2.Snapshot:
    return a_snapshot("firewall", FIREWALL_COLUMNS, [("inbound", "yes", "", name, enabled)])


def a_report(
    seq: int, *snapshots: snapshot_pb2.Snapshot, elapsed: float | None = 0.0
) -> telemetry_pb2.Report:
    report = telemetry_pb2.Report(seq=seq, snapshots=snapshots)
    if elapsed is not None:
        report.elapsed.CopyFrom(Duration(seconds=int(elapsed)))
    return report


class ScriptedSession:
    """One open stream, message by message."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        method = "/vigie.v1.TelemetryService/Session"
        self._call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(method)()

    async def send(self, message: object) -> None:
        """Sends a Hello, Report or Heartbeat."""
        match message:
            case telemetry_pb2.Hello():
                request = telemetry_pb2.SessionRequest(hello=message)
            case telemetry_pb2.Report():
                request = telemetry_pb2.SessionRequest(report=message)
            case telemetry_pb2.Heartbeat():
                request = telemetry_pb2.SessionRequest(heartbeat=message)
            case telemetry_pb2.Answer():
                request = telemetry_pb2.SessionRequest(answer=message)
            case _:
                raise TypeError(type(message))
        await self.send_bytes(request.SerializeToString())

    async def send_bytes(self, message: bytes) -> None:
        await self._call.write(message)

    async def received(self) -> telemetry_pb2.SessionResponse | None:
        """The next message; None when the server has closed the stream without an error."""
        message: object = await self._call.read()
        if not isinstance(message, bytes):
            return None
        return telemetry_pb2.SessionResponse.FromString(message)

    async def received_until(
        self, wanted: Callable[[telemetry_pb2.SessionResponse], bool]
    ) -> telemetry_pb2.SessionResponse:
        while (message := await self.received()) is not None:
            if wanted(message):
                return message
        raise EOFError(await self.status())

    async def acknowledged(self, seq: int) -> telemetry_pb2.Ack:
        """The acknowledgement that covers this sequence number."""
        message = await self.received_until(lambda m: m.HasField("ack") and m.ack.seq >= seq)
        return message.ack

    async def greet(self, hello: telemetry_pb2.Hello | None = None) -> telemetry_pb2.Welcome:
        await self.send(a_hello() if hello is None else hello)
        answer = await self.received()
        assert answer is not None
        assert answer.HasField("welcome"), answer
        return answer.welcome

    async def done(self) -> None:
        await self._call.done_writing()

    async def status(self) -> grpc.StatusCode:
        code = await self._call.code()
        assert isinstance(code, grpc.StatusCode)
        return code

    async def details(self) -> str:
        return str(await self._call.details())

    async def trailers(self) -> list[tuple[str, str | bytes]]:
        """What the call ended with, beside its status."""
        return list(await self._call.trailing_metadata() or ())


@asynccontextmanager
async def telemetry_channel(
    identity: ScriptedIdentity,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    certificate_pem: bytes | None = None,
) -> AsyncIterator[grpc.aio.Channel]:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=identity.authority_pem,
        private_key=key_pem(key or identity.key),
        certificate_chain=certificate_pem or identity.certificate_pem,
    )
    async with grpc.aio.secure_channel(identity.telemetry, credentials, options=OPTIONS) as channel:
        yield channel


@asynccontextmanager
async def session(identity: ScriptedIdentity) -> AsyncIterator[ScriptedSession]:
    """A stream on a connection of its own, not yet greeted."""
    async with telemetry_channel(identity) as channel:
        yield ScriptedSession(channel)
