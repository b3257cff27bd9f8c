"""A mail server on loopback: real SMTP and real STARTTLS, with whatever certificate a test made."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fakes.loopback import loopback_server

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Issues the certificates of a test's mail servers; `pem` is what clients are to trust."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Test authority")
        certificate = (
            _builder(name, name, key, NOW - 30 * DAY, NOW + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        authority = cls(folder, key, certificate)
        authority.pem.write_bytes(certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def pem(self) -> Path:
        return self.folder / "authority.pem"

    def issue(
        self, host: str, *, begins: datetime = NOW - DAY, ends: datetime = NOW + 90 * DAY
    ) -> ssl.SSLContext:
        """The TLS side of a server with a certificate for this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._served(host, key, self._signed(host, key, self.key, begins, ends))

    def self_signed(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(host)
        certificate = (
            _builder(name, name, key, NOW - DAY, NOW + 90 * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        return self._served(host, key, certificate)

    def _signed(
        self,
        host: str,
        key: ec.EllipticCurvePrivateKey,
        signer: ec.EllipticCurvePrivateKey,
        begins: datetime,
        ends: datetime,
    ) -> x509.Certificate:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        return (
            _builder(_name(host), self.certificate.subject, key, begins, ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(identifier, critical=False)
            .sign(signer, hashes.SHA256())
        )

    def _served(
        self, host: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> ssl.SSLContext:
        path = self.folder / f"{host}-{certificate.serial_number}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begins: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


@dataclass
class MailServer:
    """How it behaves; `heard` is every command it was given."""

    tls: ssl.SSLContext | None = None
    greeting: bytes = b"220 mx.example ESMTP\r\n"
    hello: bytes = b"250-mx.example\r\n250-SIZE 1000\r\n"
    ready: bytes = b"220 go ahead\r\n"
    after_ready: bytes = b""
    silent_after: str = ""
    port: int = 0
    heard: list[str] = field(default_factory=list)
    encrypted: int = 0
    met: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def mail_server(server: MailServer) -> AsyncIterator[MailServer]:
    """Serves on a free port until the block is left."""
    async with loopback_server(partial(_talk, server), port=server.port) as server.port:
        yield server


async def _talk(
    server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    server.met.set()
    if server.silent_after == "connect":
        await reader.read()  # until the client gives up
        return
    writer.write(server.greeting)
    while line := await reader.readline():
        command = line.decode().strip()
        server.heard.append(command)
        if command.split()[0] == server.silent_after:
            await reader.read()
            return
        writer.write(_answer(server, command))
        await writer.drain()
        if command == "QUIT" or (command == "STARTTLS" and server.after_ready):
            return
        if command == "STARTTLS" and server.tls and server.ready.startswith(b"220"):
            await writer.start_tls(server.tls)
            server.encrypted += 1


def _answer(server: MailServer, command: str) -> bytes:
    if command.startswith("EHLO"):
        return server.hello + (b"250-starttls\r\n" if server.tls else b"") + b"250 HELP\r\n"
    if command == "STARTTLS" and server.tls:
        return server.ready + server.after_ready
    return b"221 bye\r\n" if command == "QUIT" else b"502 no\r\n"
