"""Enrolment of simulated devices over the enrolment port, with a token, as agents enrol."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from vigie.v1 import enrollment_pb2, enrollment_pb2_grpc
from vigie.v1.enrolment_token import EnrolmentToken
from vigie_server.domain.errors import VigieError
from vigie_server.simulator.identity import (
    Identity,
    key_bytes,
    new_key,
    pem_bundle,
    signing_request,
)
from vigie_server.simulator.member import VERSION
from vigie_server.simulator.naming import Names

CONNECTS_WITHIN: Final = 10.0
_LIMITS: Final = (
    "the server's settings VIGIE_SERVER_ENROLMENT__ATTEMPTS_PER_MINUTE and __ATTEMPTS_AT_ONCE say "
    "how often one address may try"
)


class FleetRefused(VigieError):
    """The server refused a simulated device."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An identity, and what came with it."""

    identity: Identity
    authority: bytes
    """Authorities to trust, PEM."""
    endpoints: tuple[str, ...]
    """host:port of telemetry ports."""


class Enrolling:
    """Enrols devices one after the other over one connection."""

    def __init__(self, channel: grpc.aio.Channel, secret: bytes) -> None:
        self._stub = enrollment_pb2_grpc.EnrollmentServiceStub(channel)
        self._secret = secret

    async def enrol(self, names: Names, platform: str) -> Enrolled:
        """A device with a key of its own, and its certificate. Raises FleetRefused."""
        key = new_key()
        request = enrollment_pb2.EnrollRequest(
            token_secret=self._secret,
            certificate_signing_request=signing_request(key),
            claims=enrollment_pb2.HardwareClaims(
                hardware_serial=names.serial,
                hardware_uuid=names.uuid,
                hostname=names.hostname,
                platform=platform,
            ),
            agent_version=VERSION,
        )
        try:
            answer = await self._stub.Enroll(request)
        except grpc.aio.AioRpcError as error:
            limited = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            hint = f" ({_LIMITS})" if limited else ""
            raise FleetRefused(f"{names.hostname}: {error.details()}{hint}") from error
        issued = answer.identity
        return Enrolled(
            Identity(issued.device_id, key_bytes(key), issued.certificate_chain[0]),
            pem_bundle(issued.trust_bundle),
            tuple(issued.telemetry_endpoints),
        )


@asynccontextmanager
async def enrolling(endpoint: str, authority: bytes, secret: bytes) -> AsyncIterator[Enrolling]:
    """Enrolment at an endpoint (host:port) whose authority (PEM) is trusted."""
    trust = grpc.ssl_channel_credentials(authority)
    options = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.secure_channel(endpoint, trust, options=options) as channel:
        yield Enrolling(channel, secret)


async def authority_of(token: EnrolmentToken) -> bytes:
    """The authority (PEM) that a token names, as its server shows it. Raises FleetRefused."""
    endpoint = token.endpoints[0]
    for certificate in await asyncio.to_thread(_shown, endpoint):
        der = certificate.public_bytes(Encoding.DER)
        if sha256(der).digest() == token.ca_sha256:
            return certificate.public_bytes(Encoding.PEM)
    raise FleetRefused(f"{endpoint} is not the server that the token was made on")


def _shown(endpoint: str) -> Sequence[x509.Certificate]:
    """The certificates that a server shows, nothing verified."""
    host, _, port = endpoint.rpartition(":")
    try:
        with closing(
            socket.create_connection((host.strip("[]"), int(port)), CONNECTS_WITHIN)
        ) as plain:
            plain.setblocking(True)  # noqa: FBT003 (the socket's own word)
            connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), plain)
            connection.set_connect_state()
            connection.do_handshake()
            return [one.to_cryptography() for one in connection.get_peer_cert_chain() or ()]
    except (OSError, SSL.Error) as error:
        raise FleetRefused(f"{endpoint} does not answer: {error}") from error
