"""A certificate authority for tests: real certificates, made in a few milliseconds."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM
NOW = datetime.now(UTC)  # TLS checks certificates against the real clock


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Signs the server's certificate and the devices'."""

    def __init__(self, name: str = "Vigie test authority") -> None:
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name, self.key.public_key(), NOW - timedelta(days=1), 3650)
        authority = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = builder.add_extension(authority, critical=True).sign(
            self.key, hashes.SHA256()
        )

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(DER)

    @property
    def sha256(self) -> bytes:
        return sha256(self.der).digest()

    def server_files(self) -> tuple[bytes, bytes]:
        """Key and chain (leaf, then authority) of a server on loopback, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("server", key.public_key(), NOW - timedelta(days=1), 3650)
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        leaf = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
            self.key, hashes.SHA256()
        )
        private = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private, leaf.public_bytes(PEM) + self.certificate.public_bytes(PEM)

    def device_certificate(
        self,
        signing_request: bytes,
        device_id: str,
        *,
        issued: datetime | None = None,
        days: float = 90,
    ) -> bytes:
        """A device's certificate (DER) for the key in a signing request (DER)."""
        request = x509.load_der_x509_csr(signing_request)
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        builder = self._builder(device_id, key, issued or NOW - timedelta(minutes=1), days)
        client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = builder.add_extension(client, critical=False).sign(self.key, hashes.SHA256())
        return certificate.public_bytes(DER)

    def _builder(
        self, name: str, key: ec.EllipticCurvePublicKey, since: datetime, days: float
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(since + timedelta(days=days))
        )
