"""Keys and certificates in the data folder: keys are readable by the server's account alone."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from vigie_server.ca.certificates import not_named
from vigie_server.domain.errors import SettingsMalformed

_PRIVATE: Final = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, whole or not at all, and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def expiry_of(path: Path) -> datetime | None:
    """When the first certificate of a PEM file expires, the server's own; None: it holds none.

    Whether the file will do is for those to say who serve with it.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError):
        return None


def names_lacking(path: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that the first certificate of a PEM file is not for."""
    try:
        return not_named(x509.load_pem_x509_certificates(path.read_bytes())[0], names)
    except (OSError, ValueError):
        return ()


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Raises SettingsMalformed when there is no such key, or others may read it."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise SettingsMalformed(f"{path.name} may be read by others: make its mode 0600")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise SettingsMalformed(
            f"{path.name} cannot be read ({type(error).__name__}): run `vigie-server init`"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SettingsMalformed(f"{path.name} is not an elliptic-curve key")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """Raises SettingsMalformed when there is no such certificate."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsMalformed(
            f"{path.name} cannot be read ({type(error).__name__}): run `vigie-server init`"
        ) from error
