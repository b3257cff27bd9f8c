"""The update channel over the telemetry port. Blocking: updates have a process of their own."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import grpc

from vigie.v1 import updates_pb2, updates_pb2_grpc
from vigie_agent.domain.errors import DeviceRefused, LinkLost, NotPublished
from vigie_agent.domain.identity import Identity
from vigie_agent.domain.updating import News, UpdateState
from vigie_agent.link.channel import CALL_TIMEOUT, REFUSALS, credentials_of, options
from vigie_agent.link.proxies import Proxies

READS_WITHIN: Final = timedelta(hours=1)
"""One release; what came by then is kept."""

_STATES: Final[Mapping[UpdateState, updates_pb2.UpdateState.ValueType]] = {
    UpdateState.CURRENT: updates_pb2.UPDATE_STATE_CURRENT,
    UpdateState.ON_TRIAL: updates_pb2.UPDATE_STATE_ON_TRIAL,
    UpdateState.REFUSED: updates_pb2.UPDATE_STATE_REFUSED,
    UpdateState.ROLLED_BACK: updates_pb2.UPDATE_STATE_ROLLED_BACK,
}


@dataclass(frozen=True, slots=True)
class GrpcUpdates:
    """See `vigie_agent.ports.UpdateServer`."""

    stub: updates_pb2_grpc.UpdateServiceStub
    endpoint: str

    def check(self, news: News) -> str:
        request = updates_pb2.CheckUpdateRequest(
            version=news.version,
            platform=news.platform,
            state=_STATES[news.state],
            about=news.about,
            reason=news.reason,
        )
        try:
            with self._translated():
                answer: updates_pb2.CheckUpdateResponse = self.stub.CheckUpdate(
                    request, timeout=CALL_TIMEOUT
                )
        except NotPublished:  # an older server, which mirrors nothing
            return ""
        return answer.version

    def read(self, name: str, *, offset: int = 0) -> Iterator[bytes]:
        request = updates_pb2.ReadChannelRequest(name=name, offset=offset)
        with self._translated():
            answers = self.stub.ReadChannel(request, timeout=READS_WITHIN.total_seconds())
            for answer in answers:
                yield answer.data

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            code: grpc.StatusCode = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
            said: str = getattr(error, "details", lambda: "")()
            told = f"{self.endpoint}: {said or code.name.lower()}"
            if code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED}:
                raise NotPublished(told) from error
            if code in REFUSALS:
                raise DeviceRefused(told) from error
            raise LinkLost(told) from error


@contextmanager
def answering_server(identity: Identity, https_proxy: str | None) -> Iterator[GrpcUpdates]:
    """The first of the server's addresses that answers; its connection is closed on leaving.

    Raises LinkLost.
    """
    shown, proxies = credentials_of(identity), Proxies(https_proxy)
    with ExitStack() as open_ones:
        for endpoint in identity.issued.telemetry_endpoints:
            channel = open_ones.enter_context(
                grpc.secure_channel(endpoint, shown, options=options(endpoint, proxies))
            )
            try:
                grpc.channel_ready_future(channel).result(timeout=CALL_TIMEOUT)
            except grpc.FutureTimeoutError:
                continue
            yield GrpcUpdates(updates_pb2_grpc.UpdateServiceStub(channel), endpoint)
            return
    raise LinkLost(f"{', '.join(identity.issued.telemetry_endpoints)}: no server answers")
