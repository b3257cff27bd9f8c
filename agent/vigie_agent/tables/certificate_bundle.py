"""A bundle of certificates as rows of `certificates`, read with cryptography."""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID, NameOID

from vigie_agent.domain.table import TableRow

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_SHORT_NAMES: Final = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}
_SIGNATURES: Final = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
}
_CURVES: Final = {"secp256r1": "prime256v1"}
_USAGES: Final = (
    ("crl_sign", "CRL Sign"),
    ("key_cert_sign", "Key Cert Sign"),
    ("key_agreement", "Key Agreement"),
    ("data_encipherment", "Data Encipherment"),
    ("key_encipherment", "Key Encipherment"),
    ("content_commitment", "Non Repudiation"),
    ("digital_signature", "Digital Signature"),
)


def read_bundle(pem: bytes, path: str) -> tuple[TableRow, ...]:
    """A row for each certificate in `pem`; what is not one is left out."""
    found: list[TableRow] = []
    with warnings.catch_warnings():
        # Old authorities have serial numbers that today's rules forbid: that is not our reader's
        # business, it tells what the system trusts.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for block in _PEM.findall(pem):
            try:
                found.append(_row(x509.load_pem_x509_certificate(block), path))
            except (ValueError, x509.DuplicateExtension, x509.InvalidVersion):
                continue
    return tuple(found)


def _row(certificate: x509.Certificate, path: str) -> TableRow:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    algorithm, strength = _key(certificate)
    serial = f"{certificate.serial_number:X}"
    oid = certificate.signature_algorithm_oid.dotted_string
    return {
        "common_name": _value(names[-1]) if names else "",
        "subject": _slashed(certificate.subject),
        "subject2": _spelt(certificate.subject),
        "issuer": _slashed(certificate.issuer),
        "issuer2": _spelt(certificate.issuer),
        "ca": int(_is_authority(certificate)),
        "self_signed": int(certificate.issuer == certificate.subject),
        "not_valid_before": str(int(certificate.not_valid_before_utc.timestamp())),
        "not_valid_after": str(int(certificate.not_valid_after_utc.timestamp())),
        "signing_algorithm": _SIGNATURES.get(oid, oid),
        "key_algorithm": algorithm,
        "key_strength": strength,
        "key_usage": ", ".join(_usages(certificate)),
        "subject_key_id": _key_identifier(certificate),
        "authority_key_id": _authority_identifier(certificate),
        "sha1": certificate.fingerprint(SHA1()).hex(),  # noqa: S303 (an identifier)
        "path": path,
        "serial": serial.rjust(len(serial) + len(serial) % 2, "0"),
    }


def _key(certificate: x509.Certificate) -> tuple[str, str]:
    """Algorithm and strength (bits, or the name of the curve); empty for one we do not know."""
    found = ("", "")
    try:
        key = certificate.public_key()
    except ValueError:
        return found
    match key:
        case rsa.RSAPublicKey():
            found = ("rsaEncryption", str(key.key_size))
        case ec.EllipticCurvePublicKey():
            found = ("id-ecPublicKey", _CURVES.get(key.curve.name, key.curve.name))
        case dsa.DSAPublicKey():
            found = ("dsaEncryption", str(key.key_size))
        case ed25519.Ed25519PublicKey():
            found = ("ED25519", "256")
        case _:
            pass
    return found


def _usages(certificate: x509.Certificate) -> Iterator[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    yield from (text for name, text in _USAGES if getattr(usage, name))


def _is_authority(certificate: x509.Certificate) -> bool:
    """A certificate of version 1 cannot say so: signed by itself, it is one."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1 and certificate.issuer == certificate.subject


def _key_identifier(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return ""
    return found.value.digest.hex()


def _authority_identifier(certificate: x509.Certificate) -> str:
    oid = ExtensionOID.AUTHORITY_KEY_IDENTIFIER
    try:
        value = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return ""
    identifier = value.key_identifier if isinstance(value, x509.AuthorityKeyIdentifier) else None
    return identifier.hex() if identifier else ""


def _slashed(name: x509.Name) -> str:
    """`/C=ES/O=...`, other signs than ASCII escaped as OpenSSL's `-nameopt compat` does."""
    pairs = ((_short(one), _escaped(one, "x").replace("/", "\\/")) for one in name)
    return "".join(f"/{key}={value}" for key, value in pairs)


def _spelt(name: x509.Name) -> str:
    """`C = ES, O = ...`, escaped as OpenSSL's `-nameopt oneline` does."""
    return ", ".join(f"{_short(one)} = {_quoted(_escaped(one, ''))}" for one in name)


def _short(attribute: x509.NameAttribute[str | bytes]) -> str:
    return _SHORT_NAMES.get(attribute.oid, attribute.oid.dotted_string)


def _value(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = attribute.value
    return value if isinstance(value, str) else value.hex()


def _escaped(attribute: x509.NameAttribute[str | bytes], mark: str) -> str:
    data = _value(attribute).encode("utf-8", "replace")
    return "".join(chr(b) if 32 <= b < 127 else f"\\{mark}{b:02X}" for b in data)  # noqa: PLR2004 (printable ASCII)


def _quoted(value: str) -> str:
    return f'"{value}"' if set(value) & set(',+"<>;') else value
