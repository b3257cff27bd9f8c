"""The way to the server, looked at over real sockets: ports, certificates, proxies."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collecting import START
from vigie_agent.domain.findings import Endpoint
from vigie_agent.identity.reading import X509Reading
from vigie_agent.link.probe import Probe

DAY = timedelta(days=1)
NO_PROXY = {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"}


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_PROXY:
        monkeypatch.delenv(name, raising=False)


class Authority:
    """A certificate authority and one server certificate of it."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self._key.public_key(), name)
        self._server_key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = self._sign("server", self._server_key.public_key(), name)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """TLS that presents the leaf and the authority."""
        pem = b"".join(
            certificate.public_bytes(serialization.Encoding.PEM)
            for certificate in (self.leaf, self.certificate)
        )
        pem += self._server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = folder / "server.pem"
        path.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(self, subject: str, key: ec.EllipticCurvePublicKey, issuer: str) -> x509.Certificate:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(START - DAY)
            .not_valid_after(START + DAY)
            .sign(self._key, hashes.SHA256())
        )


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A port on loopback on which one connection is served."""

    def accept() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the listener was closed: nobody came
            return
        with connection:
            connection.settimeout(20)
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        server = threading.Thread(target=accept)
        server.start()
        try:
            yield Endpoint("127.0.0.1", listener.getsockname()[1])
        finally:
            server.join()


def handshake(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return serve


def request_on(connection: socket.socket) -> str:
    """The head of the HTTP request that arrives."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    return head.decode()


def test_the_chain_is_seen_as_it_is_presented_trusted_or_not(tmp_path: Path) -> None:
    authority, reading = Authority("Some authority"), X509Reading()

    with serving(handshake(authority.server_context(tmp_path))) as endpoint:
        leaf, shown = Probe(None).presented(endpoint)

    assert shown == authority.der
    assert reading.read(leaf).issuer == "CN=Some authority"
    assert reading.read(leaf).not_after == START + DAY
    assert reading.is_issued_by(leaf, authority.der)
    assert not reading.is_issued_by(leaf, Authority("Some authority").der)
    assert not reading.is_issued_by(leaf, b"rubbish")


def test_a_port_that_does_not_speak_tls_is_an_error() -> None:
    with (
        serving(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n")) as endpoint,
        pytest.raises(OSError, match=r"SSL|reset"),
    ):
        Probe(None).presented(endpoint)


def test_a_port_that_says_nothing_is_given_up() -> None:
    heard = threading.Event()

    def keep_silent(_: socket.socket) -> None:
        heard.wait(20)

    with serving(keep_silent) as endpoint:
        with pytest.raises(OSError, match="timed out"):
            Probe(None, timeout=timedelta(milliseconds=50)).presented(endpoint)
        heard.set()


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        Probe(None).connect(Endpoint("127.0.0.1", port))


def test_a_proxy_is_asked_for_a_tunnel_and_its_password_is_not_shown(tmp_path: Path) -> None:
    authority, requests = Authority("Behind the proxy"), list[str]()

    def tunnel(connection: socket.socket) -> None:
        requests.append(request_on(connection))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: box\r\n\r\n")
        handshake(authority.server_context(tmp_path))(connection)

    with serving(tunnel) as place:
        probe = Probe(f"http://anne:s%40fe@127.0.0.1:{place.port}")
        chain = probe.presented(Endpoint("vigie.example.org", 8443))

    assert chain[1] == authority.der
    assert requests[0].startswith("CONNECT vigie.example.org:8443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic YW5uZTpzQGZl\r\n" in requests[0]
    assert probe.proxy == f"127.0.0.1:{place.port}"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answers 407 Proxy"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy answers 403 Forbidden"),
        (b"", "the proxy closed the connection"),
        (b"rubbish\r\n\r\n", "the proxy answers"),
    ],
)
def test_a_proxy_that_refuses_is_told_in_its_own_words(reply: bytes, told: str) -> None:
    def refuse(connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(reply)

    with serving(refuse) as place, pytest.raises(OSError, match=told):
        Probe(f"http://127.0.0.1:{place.port}").connect(Endpoint("vigie.example.org", 8443))


def test_the_name_is_resolved_by_the_proxy_where_there_is_one() -> None:
    direct = Probe(None).addresses(Endpoint("127.0.0.1", 1))
    proxied = Probe("http://127.0.0.1:3128").addresses(Endpoint("nowhere.invalid", 1))

    assert tuple(direct) == tuple(proxied) == ("127.0.0.1",)
