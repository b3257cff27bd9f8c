"""The server's own certificate authorities, made once by `init`.

One signs devices and the ports they speak to; the other, bound to the server's own names, signs the
HTTPS of API and console, so that a browser that trusts it trusts it for nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vigie_server.ca import certificates as parts
from vigie_server.ca.files import (
    der_of,
    pem_of,
    pem_of_key,
    read_certificate,
    read_key,
    write_private,
)
from vigie_server.domain.errors import MalformedRequest, SettingsMalformed
from vigie_server.ports.enrolment import IssuedCertificate

MAX_REQUEST_BYTES: Final = 16 * 1024
DEVICES: Final = "devices"
HTTPS: Final = "https"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key and its certificate chain (leaf first), in PEM."""

    key: bytes
    chain: bytes
    not_after: datetime


class CertificateAuthority:
    """A key and its certificate, held in memory."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @property
    def trust_bundle(self) -> tuple[bytes, ...]:
        return (der_of(self._certificate),)

    @property
    def certificate_pem(self) -> bytes:
        return pem_of(self._certificate)

    @property
    def sha256(self) -> bytes:
        """What enrolment tokens pin."""
        return sha256(der_of(self._certificate)).digest()

    @property
    def not_after(self) -> datetime:
        return self._certificate.not_valid_after_utc

    def derived_key(self, purpose: bytes) -> bytes:
        """32 secret bytes, the same on every server that holds this key."""
        number = self._key.private_numbers().private_value
        secret = number.to_bytes((self._key.key_size + 7) // 8, "big")
        return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret)

    def issue_device_certificate(
        self,
        signing_request: bytes,
        device_id: str,
        *,
        now: datetime,
        lifetime: timedelta = parts.DEVICE_LIFETIME,
    ) -> IssuedCertificate:
        issued = parts.signed(
            subject=device_id,
            public_key=_requested_key(signing_request),
            issuer=self._certificate.subject,
            issuer_key=self._key,
            modifiers=[
                parts.valid(now=now, backdated=parts.DEVICE_BACKDATED, lifetime=lifetime),
                parts.CLIENT,
                parts.of_device(device_id),
            ],
        )
        return IssuedCertificate(
            serial=parts.serial_text(issued),
            certificate=der_of(issued),
            not_after=issued.not_valid_after_utc,
        )

    def issue_server_certificate(self, names: Sequence[str], *, now: datetime) -> KeyPair:
        """A certificate for the ports that devices speak to, with a key of its own."""
        return self._issue_server(
            names,
            parts.valid(now=now, backdated=parts.CLOCKS_BEHIND, lifetime=parts.SERVER_LIFETIME),
        )

    def issue_https_certificate(self, names: Sequence[str], *, now: datetime) -> KeyPair:
        """A certificate for API and console, as long as browsers accept."""
        return self._issue_server(
            names,
            parts.valid(now=now, backdated=parts.DEVICE_BACKDATED, lifetime=parts.HTTPS_LIFETIME),
        )

    def outside(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that this authority may not sign for: it is bound to others."""
        return parts.outside(self._certificate, names)

    def expired_device_certificate(self, certificate: bytes) -> "OldDeviceCertificate":
        if len(certificate) > MAX_REQUEST_BYTES:
            raise MalformedRequest("the certificate is too long")
        try:
            old = x509.load_der_x509_certificate(certificate)
            old.verify_directly_issued_by(self._certificate)
            device_id = parts.device_id_of(old)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise MalformedRequest("this is no certificate of this server") from error
        if device_id is None:
            raise MalformedRequest("this is no certificate of a device")
        return OldDeviceCertificate(old, device_id)

    def _issue_server(self, names: Sequence[str], validity: parts.Modifier) -> KeyPair:
        if not names:
            raise SettingsMalformed("the server has no name: set VIGIE_SERVER_NAMES")
        key = ec.generate_private_key(ec.SECP256R1())
        issued = parts.signed(
            subject=names[0][:64],
            public_key=key.public_key(),
            issuer=self._certificate.subject,
            issuer_key=self._key,
            modifiers=[validity, parts.SERVER, parts.of_server(names)],
        )
        # The authority's certificate too: an agent that enrols checks its hash.
        chain = pem_of(issued) + pem_of(self._certificate)
        return KeyPair(pem_of_key(key), chain, issued.not_valid_after_utc)


@dataclass(frozen=True, slots=True)
class OldDeviceCertificate:
    """A certificate that we signed for a device, expired or not."""

    certificate: x509.Certificate
    device_id: str

    @property
    def serial(self) -> str:
        return parts.serial_text(self.certificate)

    @property
    def not_after(self) -> datetime:
        return self.certificate.not_valid_after_utc

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the holder of its key signed the message (ECDSA, SHA-256)."""
        key = self.certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def create(folder: Path, name: str, *, names_only: Sequence[str] = (), now: datetime) -> None:
    """Makes an authority in the folder; one that is there stays. Its key never leaves it."""
    if _key_path(folder, name).exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = parts.signed(
        subject=f"Vigie {name} {now:%Y-%m-%d}",
        public_key=key.public_key(),
        issuer=parts.named(f"Vigie {name} {now:%Y-%m-%d}"),
        issuer_key=key,
        modifiers=[
            parts.valid(now=now, backdated=parts.CLOCKS_BEHIND, lifetime=parts.AUTHORITY_LIFETIME),
            parts.authority(names_only=names_only),
        ],
    )
    # The certificate first: a key that is there has its certificate beside it.
    write_private(_certificate_path(folder, name), pem_of(certificate))
    write_private(_key_path(folder, name), pem_of_key(key))


def remove(folder: Path, name: str) -> None:
    """Takes an authority away, if it is there. Everything that it signed is trusted no more."""
    _key_path(folder, name).unlink(missing_ok=True)  # first: a certificate alone is none
    _certificate_path(folder, name).unlink(missing_ok=True)


def load(folder: Path, name: str) -> CertificateAuthority:
    """The authority in the folder. Raises SettingsMalformed when there is none."""
    return CertificateAuthority(
        read_key(_key_path(folder, name)), read_certificate(_certificate_path(folder, name))
    )


def _key_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.key"


def _certificate_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.crt"


def _requested_key(signing_request: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a request, whose holder signed it. Nothing else of it is used."""
    if len(signing_request) > MAX_REQUEST_BYTES:
        raise MalformedRequest("the certificate signing request is too long")
    try:
        request = x509.load_der_x509_csr(signing_request)
        proven = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, InvalidSignature) as error:
        raise MalformedRequest("the certificate signing request cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1 | ec.SECP384R1
    ):
        raise MalformedRequest("the key must be an elliptic-curve key (P-256 or P-384)")
    if not proven:
        raise MalformedRequest("the certificate signing request is not signed by its key")
    return key
