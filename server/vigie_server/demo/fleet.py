"""A simulated fleet: devices with real keys that enrol and report over real mTLS, as agents do.

They are simulated only in what they report: recorded states, each with a name and a serial number
of its own.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import (
    enrollment_pb2,
    enrollment_pb2_grpc,
    snapshot_pb2,
    telemetry_pb2,
    telemetry_pb2_grpc,
)
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.demo.recorded import Recording, Rows
from vigie_server.domain.errors import VigieError
from vigie_server.domain.topics import Topic

PLACES: Final = (
    "ACCUEIL",
    "INFIRMERIE",
    "DIRECTION",
    "COMPTABILITE",
    "CUISINE",
    "UNITE-PROTEGEE",
    "KINE",
    "PSYCHOLOGUE",
    "VEILLEURS",
    "EDUCATEURS",
)
"""Where devices of a care home stand; a simulated device is named after one."""

_ENROL_TOGETHER: Final = 8


class FleetRefused(VigieError):
    """The server refused a simulated device."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the server is, and the authority it shows (PEM)."""

    enrolment: str
    telemetry: str
    authority: bytes


@dataclass(slots=True)
class SimulatedDevice:
    """One device: its name, its recorded state, and the key it makes for itself."""

    hostname: str
    serial: str
    recording: Recording
    seed: int
    spool_id: bytes = b""
    seq: int = 0
    credentials: grpc.ChannelCredentials | None = None
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def rows(self, now: datetime, declared: Mapping[str, Topic]) -> Mapping[str, Rows]:
        """The recorded rows under this device's own name and serial number."""
        own = {"hostname": self.hostname, "hardware_serial": self.serial}
        own["hardware_uuid"] = str(UUID(int=random.Random(self.seed).getrandbits(128)))  # noqa: S311 (a made-up name)
        moved = self.recording.moved_to(now, declared)
        return {
            topic: [
                {name: own[name] if name in own and value else value for name, value in row.items()}
                for row in rows
            ]
            for topic, rows in moved.items()
        }


def simulated_devices(count: int, recordings: Sequence[Recording]) -> list[SimulatedDevice]:
    """`count` devices over the recordings in turn; the same ones at each call."""
    return [
        SimulatedDevice(
            hostname=f"{PLACES[number % len(PLACES)]}-{number:03d}",
            serial=f"SIM{number:06d}",
            recording=recordings[number % len(recordings)],
            seed=number,
        )
        for number in range(count)
    ]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Enrols simulated devices and lets them report."""

    addresses: Addresses
    secret: bytes
    topics: Mapping[str, Topic]
    now: Callable[[], datetime]

    async def join(
        self, devices: Sequence[SimulatedDevice], *, joined: Callable[[int], None]
    ) -> None:
        """Every device enrols and delivers a first report; `joined` is told how many have."""
        waiting = asyncio.Semaphore(_ENROL_TOGETHER)
        done = 0

        async def one(device: SimulatedDevice) -> None:
            nonlocal done
            async with waiting:
                await self.enrol(device)
                await self.report(device)
            done += 1
            joined(done)

        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(one(device))

    async def enrol(self, device: SimulatedDevice) -> None:
        """Exchanges the token's secret for a certificate. Raises FleetRefused."""
        trust = grpc.ssl_channel_credentials(self.addresses.authority)
        claims = enrollment_pb2.HardwareClaims(
            hardware_serial=device.serial,
            hostname=device.hostname,
            platform=device.recording.platform,
        )
        request = enrollment_pb2.EnrollRequest(
            token_secret=self.secret,
            certificate_signing_request=_signing_request(device.key),
            claims=claims,
            agent_version="0.1.0-simulated",
        )
        async with grpc.aio.secure_channel(self.addresses.enrolment, trust) as channel:
            stub = enrollment_pb2_grpc.EnrollmentServiceStub(channel)
            try:
                answer = await stub.Enroll(request)
            except grpc.aio.AioRpcError as error:
                raise FleetRefused(f"{device.hostname}: {error.details()}") from error
        device.spool_id = random.Random(device.seed).randbytes(16)  # noqa: S311 (a made-up spool)
        device.credentials = _credentials(device.key, answer.identity)

    async def report(self, device: SimulatedDevice) -> None:
        """One visit: Hello, one report of every topic, its acknowledgement. Raises FleetRefused."""
        assert device.credentials is not None  # noqa: S101 (enrolled before)
        device.seq += 1
        outgoing: asyncio.Queue[telemetry_pb2.SessionRequest | None] = asyncio.Queue()
        async with grpc.aio.secure_channel(self.addresses.telemetry, device.credentials) as channel:
            stub = telemetry_pb2_grpc.TelemetryServiceStub(channel)
            await outgoing.put(telemetry_pb2.SessionRequest(hello=_hello(device)))
            call = stub.Session(_until_none(outgoing))
            async for answer in call:
                match answer.WhichOneof("message"):
                    case "welcome":
                        report = self._report(device)
                        await outgoing.put(telemetry_pb2.SessionRequest(report=report))
                    case "ack" if answer.ack.seq >= device.seq:
                        await outgoing.put(None)
                    case "goodbye" | "disable" as refusal:
                        raise FleetRefused(f"{device.hostname}: {refusal}")
                    case _:
                        pass

    def _report(self, device: SimulatedDevice) -> telemetry_pb2.Report:
        now = self.now()
        moment = Timestamp()
        moment.FromDatetime(now)
        report = telemetry_pb2.Report(seq=device.seq, collected_at=moment, sent_at=moment)
        report.elapsed.FromSeconds(0)
        for topic, rows in device.rows(now, self.topics).items():
            report.snapshots.append(_snapshot(self.topics[topic], rows))
        return report


def _hello(device: SimulatedDevice) -> telemetry_pb2.Hello:
    return telemetry_pb2.Hello(
        agent_version="0.1.0-simulated",
        engine="osqueryd",
        engine_version="5.23.1",
        platform=device.recording.platform,
        boot_id=f"simulated-{device.seed}",
        spool_id=device.spool_id,
        highest_seq=device.seq,
    )


def _snapshot(topic: Topic, rows: Rows) -> snapshot_pb2.Snapshot:
    names = tuple(topic.columns)
    columns, ordered = canonical_rows(
        names, [[row.get(name, "") for name in names] for row in rows]
    )
    values = [value for row in ordered for value in row]
    status = snapshot_pb2.SNAPSHOT_STATUS_OK
    return snapshot_pb2.Snapshot(
        topic=topic.name,
        topic_version=topic.version,
        digest=snapshot_digest(
            topic=topic.name,
            topic_version=topic.version,
            status=status,
            message="",
            columns=columns,
            values=values,
        ),
        status=status,
        columns=columns,
        values=values,
        row_count=len(ordered),
    )


def _signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def _credentials(
    key: ec.EllipticCurvePrivateKey, identity: enrollment_pb2.Identity
) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=b"".join(_pem(der) for der in identity.trust_bundle),
        private_key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate_chain=b"".join(_pem(der) for der in identity.certificate_chain),
    )


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


async def _until_none(
    queue: asyncio.Queue[telemetry_pb2.SessionRequest | None],
) -> AsyncIterator[telemetry_pb2.SessionRequest]:
    while (message := await queue.get()) is not None:
        yield message
