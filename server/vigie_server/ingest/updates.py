"""The update channel on the telemetry port: a thin shell. Mutual TLS says who asks."""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc
import structlog

from vigie.v1 import updates_pb2
from vigie_server.domain.errors import VigieError
from vigie_server.domain.rolling_out import UpdateState, told
from vigie_server.ingest.methods import Context, decoded, service
from vigie_server.ingest.statuses import STATUS_OF
from vigie_server.ports.sessions import Peer
from vigie_server.ports.updating import UpdateDesk

log = structlog.get_logger()

STATES: Final[Mapping[int, UpdateState]] = {
    updates_pb2.UPDATE_STATE_CURRENT: UpdateState.CURRENT,
    updates_pb2.UPDATE_STATE_ON_TRIAL: UpdateState.ON_TRIAL,
    updates_pb2.UPDATE_STATE_REFUSED: UpdateState.REFUSED,
    updates_pb2.UPDATE_STATE_ROLLED_BACK: UpdateState.ROLLED_BACK,
}


class Updates:
    """Serves `vigie.v1.UpdateService`."""

    def __init__(self, desk: UpdateDesk, identify: Callable[[bytes], Peer]) -> None:
        self._desk = desk
        self._identify = identify

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        return service(
            updates_pb2.DESCRIPTOR.services_by_name["UpdateService"],
            unary={"CheckUpdate": self.check},
            answers={"ReadChannel": self.read},
        )

    async def check(self, message: bytes, context: Context) -> updates_pb2.CheckUpdateResponse:
        try:
            asked = decoded(updates_pb2.CheckUpdateRequest, message)
            state = STATES.get(asked.state, UpdateState.CURRENT)
            said = told(asked.version, asked.platform, state, asked.about, asked.reason)
            version = await self._desk.check(self._peer(context), said)
        except VigieError as error:
            await context.abort(STATUS_OF[type(error)], str(error))
        return updates_pb2.CheckUpdateResponse(version=version)

    async def read(self, message: bytes, context: Context) -> None:
        try:
            asked = decoded(updates_pb2.ReadChannelRequest, message)
            peer = self._peer(context)
            async with aclosing(self._desk.read(peer, asked.name, asked.offset)) as pieces:
                async for piece in pieces:
                    await context.write(updates_pb2.ReadChannelResponse(data=piece))
        except VigieError as error:
            await context.abort(STATUS_OF[type(error)], str(error))

    def _peer(self, context: Context) -> Peer:
        certificates: Any = context.auth_context().get("x509_pem_cert", ())
        return self._identify(next(iter(certificates), b""))
