"""Looks at the way to the server step by step: name, port, certificates. For `doctor` only.

Nothing is trusted and nothing is sent beyond the handshake.
"""

import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, unquote

from vigie_agent.domain.findings import Endpoint
from vigie_agent.link.proxies import Proxies, place

_LONGEST_REPLY: Final = 16 * 1024
_HTTP_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Probe:
    """See `vigie_agent.services.doctor.Network`. `https_proxy` wins over the system's."""

    https_proxy: str | None
    timeout: timedelta = timedelta(seconds=5)

    @property
    def proxy(self) -> str:
        """The proxy that is used, without its password; empty where none is."""
        proxy = Proxies(self.https_proxy).any()
        if proxy is None:
            return ""
        host, port = place(proxy)
        return f"{host}:{port}"

    def addresses(self, endpoint: Endpoint) -> Sequence[str]:
        """The addresses of the host, or of the proxy that resolves it. Raises OSError."""
        proxy = Proxies(self.https_proxy).for_host(endpoint.host)
        host, port = (endpoint.host, endpoint.port) if proxy is None else place(proxy)
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(address[4][0]) for address in found))

    def connect(self, endpoint: Endpoint) -> None:
        """Opens a connection to the port and closes it. Raises OSError."""
        self._connection(endpoint).close()

    def presented(self, endpoint: Endpoint) -> Sequence[bytes]:
        """The chain (DER, leaf first) that the port presents, trusted or not. Raises OSError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        with (
            self._connection(endpoint) as raw,
            context.wrap_socket(raw, server_hostname=endpoint.host.strip("[]")) as secured,
        ):
            return _unverified_chain(secured)

    def _connection(self, endpoint: Endpoint) -> socket.socket:
        proxy = Proxies(self.https_proxy).for_host(endpoint.host)
        seconds = self.timeout.total_seconds()
        if proxy is None:
            return socket.create_connection((endpoint.host.strip("[]"), endpoint.port), seconds)
        connection = socket.create_connection(place(proxy), seconds)
        try:
            _open_tunnel(connection, endpoint, proxy)
        except BaseException:
            connection.close()
            raise
        return connection


def _open_tunnel(connection: socket.socket, endpoint: Endpoint, proxy: SplitResult) -> None:
    lines = [f"CONNECT {endpoint.host}:{endpoint.port} HTTP/1.1", f"Host: {endpoint.host}"]
    if proxy.username:
        account = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(account.encode()).decode()}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    reply = b""
    while b"\r\n\r\n" not in reply:
        received = connection.recv(1)  # not a byte of what follows the reply
        if not received or len(reply) > _LONGEST_REPLY:
            raise OSError("the proxy closed the connection without an answer")
        reply += received
    status = reply.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    if len(status) < 2 or status[1] != str(_HTTP_OK):  # noqa: PLR2004 (version and code)
        raise OSError(f"the proxy answers {' '.join(status[1:])}")


def _unverified_chain(secured: ssl.SSLSocket) -> tuple[bytes, ...]:
    """The chain as presented. The call is public from Python 3.13 on, private before."""
    public: Any = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    connection: Any = secured._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 (see above)
    return tuple(
        ssl.PEM_cert_to_DER_cert(certificate.public_bytes())
        for certificate in connection.get_unverified_chain() or ()
    )
