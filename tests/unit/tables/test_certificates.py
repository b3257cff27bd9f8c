from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fake_host import a_device, rows_of
from vigie_agent.tables.certificate_bundle import read_bundle
from vigie_agent.tables.certificates import STORES, tables

DEBIAN, FEDORA = STORES[0], STORES[1]


def a_certificate(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, *, ca: bool = True
) -> bytes:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Santé / Sud, SA"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Root"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier(b"\x01\x02"), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(b"\x03\x04", None, None), critical=False)
    )
    if ca:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def test_an_authority_is_told_in_the_words_of_openssl() -> None:
    (row,) = read_bundle(a_certificate(ec.generate_private_key(ec.SECP256R1())), DEBIAN)

    assert len(str(row["sha1"])) == 40
    assert {**row, "sha1": ""} == {
        "common_name": "Root",
        "subject": "/C=FR/O=Sant\\xC3\\xA9 \\/ Sud, SA/CN=Root",
        "subject2": 'C = FR, O = "Sant\\C3\\A9 / Sud, SA", CN = Root',
        "issuer": "/C=FR/O=Sant\\xC3\\xA9 \\/ Sud, SA/CN=Root",
        "issuer2": 'C = FR, O = "Sant\\C3\\A9 / Sud, SA", CN = Root',
        "ca": 1,
        "self_signed": 1,
        "not_valid_before": "1767225600",
        "not_valid_after": "2082758400",
        "signing_algorithm": "ecdsa-with-SHA256",
        "key_algorithm": "id-ecPublicKey",
        "key_strength": "prime256v1",
        "key_usage": "CRL Sign, Key Cert Sign, Digital Signature",
        "subject_key_id": "0102",
        "authority_key_id": "0304",
        "sha1": "",
        "path": DEBIAN,
        "serial": "0ABC",
    }


def test_a_certificate_that_does_not_say_so_is_no_authority() -> None:
    pem = a_certificate(ed25519.Ed25519PrivateKey.generate(), ca=False)

    (row,) = read_bundle(pem, DEBIAN)

    assert (row["ca"], row["key_algorithm"], row["signing_algorithm"]) == (0, "ED25519", "ED25519")


def test_damage_in_a_bundle_loses_only_what_is_damaged() -> None:
    good = a_certificate(ec.generate_private_key(ec.SECP384R1()))
    damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

    rows = read_bundle(b"garbage\n" + damaged + good + good[:100], DEBIAN)

    assert [row["key_strength"] for row in rows] == ["secp384r1"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [(None, {DEBIAN, FEDORA}), ([FEDORA], {FEDORA}), (["/root/secret.pem"], set())],
)
def test_only_the_systems_stores_are_opened(
    tmp_path: Path, asked: list[str] | None, found: set[str]
) -> None:
    pem = a_certificate(ec.generate_private_key(ec.SECP256R1()))
    host = a_device(tmp_path, dict.fromkeys((DEBIAN, FEDORA, "/root/secret.pem"), pem))

    rows = rows_of(tables(host), "certificates", equals={"path": asked} if asked else None)

    assert {row["path"] for row in rows} == found
