"""The enrolment port over gRPC: TLS that trusts exactly what the caller says, and no more.

The first look at the port trusts nothing, sends nothing and keeps only the authority whose hash is
already known; see `docs/adr/0003-the-token-names-the-authority.md`.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import grpc

from vigie.v1 import enrollment_pb2, enrollment_pb2_grpc
from vigie_agent.domain.errors import (
    DeviceRefused,
    EnrollmentRefused,
    LinkLost,
    ServerUntrusted,
)
from vigie_agent.domain.findings import Endpoint
from vigie_agent.domain.identity import Enrolled, HardwareClaims, Identity, Issued
from vigie_agent.link import wire
from vigie_agent.link.channel import CALL_TIMEOUT, channel, pem, translated
from vigie_agent.link.probe import Probe
from vigie_agent.link.proxies import Proxies
from vigie_agent.ports import Prove


class GrpcEnrolment:
    """See `vigie_agent.ports.EnrolmentLink`. `https_proxy` wins over the system's."""

    def __init__(self, https_proxy: str | None = None) -> None:
        self._proxies = Proxies(https_proxy)
        self._probe = Probe(https_proxy)

    async def authority(self, endpoint: str, ca_sha256: bytes) -> bytes:
        try:
            chain = await asyncio.to_thread(self._probe.presented, Endpoint.parse(endpoint))
        except OSError as error:
            raise LinkLost(f"{endpoint} cannot be reached: {error}") from error
        for certificate in chain:
            if sha256(certificate).digest() == ca_sha256:
                return certificate
        raise ServerUntrusted(
            f"{endpoint} does not present the authority that the enrolment token names: the token "
            "is of another server, or something inspects TLS on the way; `vigie-agent doctor` says "
            "which"
        )

    async def enrol(
        self,
        endpoint: str,
        authorities: Sequence[bytes],
        *,
        secret: bytes,
        signing_request: bytes,
        claims: HardwareClaims,
        agent_version: str,
    ) -> Enrolled:
        request = wire.enroll_request(
            secret=secret,
            signing_request=signing_request,
            claims=claims,
            agent_version=agent_version,
        )
        try:
            async with channel(endpoint, _credentials(authorities), self._proxies) as opened:
                with translated(endpoint):
                    stub = enrollment_pb2_grpc.EnrollmentServiceStub(opened)
                    response = await stub.Enroll(request, timeout=CALL_TIMEOUT)
        except DeviceRefused as error:
            raise EnrollmentRefused(
                f"{error}. Ask whoever runs the server for a new enrolment token"
            ) from error
        return Enrolled(wire.issued(response.identity), response.pending)

    async def renew_expired(
        self, identity: Identity, endpoint: str, *, signing_request: bytes, prove: Prove
    ) -> Issued:
        authorities = identity.issued.trust_bundle
        async with channel(endpoint, _credentials(authorities), self._proxies) as opened:
            stub = enrollment_pb2_grpc.EnrollmentServiceStub(opened)
            with translated(endpoint):
                asked = enrollment_pb2.GetRenewalNonceRequest(device_id=identity.device_id)
                nonce = (await stub.GetRenewalNonce(asked, timeout=CALL_TIMEOUT)).nonce
                response = await stub.RenewExpired(
                    enrollment_pb2.RenewExpiredRequest(
                        device_id=identity.device_id,
                        nonce=nonce,
                        signature=prove(nonce),
                        certificate=identity.issued.certificate_chain[0],
                        certificate_signing_request=signing_request,
                    ),
                    timeout=CALL_TIMEOUT,
                )
        return wire.issued(response.identity)


def _credentials(authorities: Sequence[bytes]) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(root_certificates=pem(authorities))
