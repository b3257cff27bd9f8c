"""Opens the two gRPC ports."""

import socket
from collections.abc import Sequence
from typing import Final

import grpc

from vigie_server.domain.listening import cannot_listen

KEEPALIVE_MS: Final = 60_000
KEEPALIVE_TIMEOUT_MS: Final = 20_000
SMALLEST_PING_GAP_MS: Final = 20_000
"""Agents ping no more often than this; see the agent's link."""
STREAMS_PER_CONNECTION: Final = 8
HANDSHAKE_WITHIN_MS: Final = 20_000
"""A connection that is not greeted in TLS by then makes room for another."""
IDLE_WITHIN_MS: Final = 60_000
"""So does one without a call."""

ChannelOptions = Sequence[tuple[str, int]]


def options(*, max_message_bytes: int, max_connections: int) -> ChannelOptions:
    return (
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        # The one gate before TLS: more connections are closed as they are accepted, for a fraction
        # of what a handshake costs, and their devices come back by their own back-off.
        ("grpc.max_allowed_incoming_connections", max_connections),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_WITHIN_MS),
        ("grpc.max_connection_idle_ms", IDLE_WITHIN_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", SMALLEST_PING_GAP_MS),
        # One server to a port: a second one must fail to start, not share it.
        ("grpc.so_reuseport", 0),
    )


def listening(
    *,
    address: str,
    setting: str,
    key: bytes,
    chain: bytes,
    client_authority: bytes | None,
    max_message_bytes: int,
    max_connections: int,
) -> tuple[grpc.aio.Server, int]:
    """A server bound to `address` (not yet started, without handlers) and the port it got.

    With `client_authority` (PEM) a peer without a certificate of it does not get past the TLS
    handshake. `setting`: the one that names the address. Raises SettingsMalformed when it cannot be
    bound.
    """
    server = grpc.aio.server(
        options=options(max_message_bytes=max_message_bytes, max_connections=max_connections)
    )
    credentials = grpc.ssl_server_credentials(
        [(key, chain)],
        root_certificates=client_authority,
        require_client_auth=client_authority is not None,
    )
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise cannot_listen(address, setting, _why(address)) from error
    return server, port


def _why(address: str) -> OSError | ValueError | None:
    """Why no socket can be bound to it, which gRPC does not say; None when one can be, by now."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, where in found:
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(where)
    except (OSError, ValueError) as error:
        return error
    return None
