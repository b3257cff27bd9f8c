"""The device's private keys: P-256, made here, kept here."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vigie_agent.domain.errors import IdentityUnusable


def new_key() -> bytes:
    """A new private key, PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def signing_request(key: bytes) -> bytes:
    """A certificate signing request (DER). It names nobody: the server decides who this is."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(_private(key), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def signature(key: bytes, message: bytes) -> bytes:
    """ECDSA with SHA-256 over the message, DER."""
    return _private(key).sign(message, ec.ECDSA(hashes.SHA256()))


def belongs(key: bytes, certificate: x509.Certificate) -> bool:
    """Whether the certificate was issued for this key. Raises IdentityUnusable."""
    return certificate.public_key() == _private(key).public_key()


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        loaded = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        raise IdentityUnusable("the private key is damaged: enrol again") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise IdentityUnusable("the private key is of an unknown kind: enrol again")
    return loaded
