"""gRPC channels to the server, and what their errors mean to the agent.

Keep-alive is agreed with the server's own settings: a ping each minute while a session is open, so
that NAT and firewalls keep the way open and a silent peer is noticed within 80 seconds.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from ssl import DER_cert_to_PEM_cert
from typing import Final

import grpc

from vigie.v1 import returning
from vigie_agent.domain.errors import DeviceRefused, LinkLost
from vigie_agent.domain.identity import Identity
from vigie_agent.link.proxies import Proxies, place
from vigie_agent.link.wire import LONGEST_WAIT

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
CALL_TIMEOUT: Final = 30.0
"""Seconds for a unary call, and for a session to be greeted."""

_KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.FAILED_PRECONDITION,
    }
)


def pem(certificates: Sequence[bytes]) -> bytes:
    """DER certificates as one PEM text."""
    return "".join(map(DER_cert_to_PEM_cert, certificates)).encode("ascii")


@asynccontextmanager
async def channel(
    endpoint: str, credentials: grpc.ChannelCredentials, proxies: Proxies
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel that shares nothing with the last one, so that a new identity counts at once."""
    made = grpc.aio.secure_channel(endpoint, credentials, options=options(endpoint, proxies))
    try:
        yield made
    finally:
        await made.close()


def options(endpoint: str, proxies: Proxies) -> list[tuple[str, int | str]]:
    """How every channel to a server is made."""
    return [
        *_KEEPALIVE,
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.use_local_subchannel_pool", 1),
        *_proxy_options(endpoint, proxies),
    ]


def credentials_of(identity: Identity) -> grpc.ChannelCredentials:
    """How a device shows who it is, and by whom it knows its server."""
    return grpc.ssl_channel_credentials(
        root_certificates=pem(identity.issued.trust_bundle),
        private_key=identity.key,
        certificate_chain=pem(identity.issued.certificate_chain),
    )


def _proxy_options(endpoint: str, proxies: Proxies) -> list[tuple[str, int | str]]:
    proxy = proxies.for_host(endpoint.rpartition(":")[0])
    if proxy is None:
        return [("grpc.enable_http_proxy", 0)]
    host, port = place(proxy)
    account = proxy.netloc.rpartition("@")[0]
    return [("grpc.http_proxy", f"http://{account}{'@' if account else ''}{host}:{port}")]


@contextmanager
def translated(endpoint: str) -> Iterator[None]:
    """Errors of gRPC come out as LinkLost (try again) or DeviceRefused (the server said no)."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        told = f"{endpoint}: {error.details() or error.code().name.lower()}"
        if error.code() in REFUSALS:
            raise DeviceRefused(told) from error
        raise LinkLost(told, retry_after=_asked(error)) from error
    except TimeoutError as error:
        raise LinkLost(f"{endpoint}: no answer in {CALL_TIMEOUT:.0f} seconds") from error


def _asked(error: grpc.aio.AioRpcError) -> timedelta | None:
    """When the server wants this device back, if it said so and it is not out of reason."""
    asked = returning.asked(error.trailing_metadata() or ())
    return None if asked is None else min(asked, LONGEST_WAIT)
