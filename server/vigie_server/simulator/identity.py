"""A simulated device's identity: its key and certificate, as it would keep them."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Identity:
    """A device's id, its key (PKCS#8) and its certificate, both DER."""

    device_id: str
    key: bytes
    certificate: bytes

    def channel_credentials(self, authority: bytes) -> grpc.ChannelCredentials:
        """The identity for gRPC's own client; `authority` is PEM."""
        key = load_der_private_key(self.key, password=None)
        return grpc.ssl_channel_credentials(
            root_certificates=authority,
            private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            certificate_chain=ssl.DER_cert_to_PEM_cert(self.certificate).encode(),
        )


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key of the kind agents make."""
    return ec.generate_private_key(ec.SECP256R1())


def key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as `Identity` keeps it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A request (DER) to certify the key; the server takes nothing else of it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)


def pem_bundle(certificates: Sequence[bytes]) -> bytes:
    """DER certificates as one PEM text."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()
