"""The enrolment port: server-authenticated TLS, for devices that have no certificate in force."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from vigie.v1 import enrollment_pb2
from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import (
    MalformedRequest,
    RateLimited,
    StoreBusy,
    TokenRefused,
    VigieError,
)
from vigie_server.ingest import wire
from vigie_server.ingest.methods import Context, Unary, decoded, service
from vigie_server.ingest.statuses import STATUS_OF
from vigie_server.ports.enrolment import Enrolment, Refusal, Renewal

log = structlog.get_logger()

REFUSAL_OF: Final[Mapping[type[VigieError], Refusal]] = {
    TokenRefused: Refusal.TOKEN,
    RateLimited: Refusal.RATE,
    MalformedRequest: Refusal.MALFORMED,
    StoreBusy: Refusal.STORE,
}

Asked = TypeVar("Asked", bound=Message)


def address_of(peer: str) -> str:
    """The address in gRPC's `ipv4:address:port`: a caller's next connection has another port."""
    return peer.rpartition(":")[0]


class Enrolments:
    """Serves `vigie.v1.EnrollmentService`. Every call counts against its peer's attempts.

    `refused` is told of each refusal.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        renewal: Renewal,
        attempts: Attempts,
        refused: Callable[[Refusal], None],
    ) -> None:
        self._enrolment = enrolment
        self._renewal = renewal
        self._attempts = attempts
        self._refused = refused

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        return service(
            enrollment_pb2.DESCRIPTOR.services_by_name["EnrollmentService"],
            unary={
                "Enroll": self._call("enrol", enrollment_pb2.EnrollRequest, self.enroll),
                "GetRenewalNonce": self._call(
                    "nonce", enrollment_pb2.GetRenewalNonceRequest, self.renewal_nonce
                ),
                "RenewExpired": self._call(
                    "renew", enrollment_pb2.RenewExpiredRequest, self.renew_expired
                ),
            },
        )

    async def enroll(self, asked: enrollment_pb2.EnrollRequest) -> enrollment_pb2.EnrollResponse:
        identity, pending = await self._enrolment.enrol(
            secret=asked.token_secret,
            signing_request=asked.certificate_signing_request,
            claims=wire.claims(asked.claims),
            agent_version=asked.agent_version,
        )
        return enrollment_pb2.EnrollResponse(identity=wire.identity(identity), pending=pending)

    async def renewal_nonce(
        self, asked: enrollment_pb2.GetRenewalNonceRequest
    ) -> enrollment_pb2.GetRenewalNonceResponse:
        return enrollment_pb2.GetRenewalNonceResponse(nonce=self._renewal.nonce(asked.device_id))

    async def renew_expired(
        self, asked: enrollment_pb2.RenewExpiredRequest
    ) -> enrollment_pb2.RenewExpiredResponse:
        identity = await self._renewal.renew_expired(
            device_id=asked.device_id,
            nonce=asked.nonce,
            signature=asked.signature,
            certificate=asked.certificate,
            signing_request=asked.certificate_signing_request,
        )
        return enrollment_pb2.RenewExpiredResponse(identity=wire.identity(identity))

    def _call(
        self, name: str, kind: type[Asked], answer: Callable[[Asked], Awaitable[Message]]
    ) -> Unary:
        async def call(message: bytes, context: Context) -> Message:
            try:
                self._attempts.take(address_of(context.peer()))
                return await answer(decoded(kind, message))
            except VigieError as error:
                log.warning("enrolment_refused", call=name, error=str(error))
                self._refused(REFUSAL_OF.get(type(error), Refusal.OTHER))
                await context.abort(STATUS_OF[type(error)], str(error))

        return call
