"""Statuses, attempts, and the authority's own files and certificates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from vigie_server.ca import authority, certificates
from vigie_server.ca.peers import peer_of
from vigie_server.domain import errors
from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import (
    MalformedRequest,
    RateLimited,
    SettingsMalformed,
    UnknownDevice,
    VigieError,
)
from vigie_server.ingest.enrolment import address_of
from vigie_server.ingest.statuses import STATUS_OF

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def made(tmp_path: Path) -> authority.CertificateAuthority:
    authority.create(tmp_path, "devices", now=NOW)
    return authority.load(tmp_path, "devices")


def a_request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(certificates.named("evil"))
    names = x509.SubjectAlternativeName([x509.DNSName("vigie.example.org")])
    return (
        builder.add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_every_error_has_a_status() -> None:
    ours = {
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, VigieError) and error is not VigieError
    }

    assert set(STATUS_OF) == ours


def test_attempts_come_back_with_time_and_each_place_has_its_own() -> None:
    seconds = Seconds()
    attempts = Attempts(per_minute=6, burst=2, monotonic=seconds)
    attempts.take(address_of("ipv4:192.0.2.1:4000"))
    attempts.take(address_of("ipv4:192.0.2.1:4001"))

    with pytest.raises(RateLimited):
        attempts.take(address_of("ipv4:192.0.2.1:4002"))
    attempts.take(address_of("ipv4:192.0.2.2:4000"))
    seconds.value = 10
    attempts.take(address_of("ipv4:192.0.2.1:4003"))


def test_the_authoritys_key_is_its_owners_alone(tmp_path: Path) -> None:
    authority.create(tmp_path / "ca", "devices", now=NOW)
    key = tmp_path / "ca" / "devices.key"

    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(SettingsMalformed, match="read by others"):
        authority.load(tmp_path / "ca", "devices")


def test_an_authority_that_is_there_stays(tmp_path: Path) -> None:
    authority.create(tmp_path, "devices", now=NOW)
    first = authority.load(tmp_path, "devices").sha256

    authority.create(tmp_path, "devices", now=NOW + timedelta(days=1))

    assert authority.load(tmp_path, "devices").sha256 == first


def test_a_missing_authority_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsMalformed, match="vigie-server init"):
        authority.load(tmp_path, "devices")


def test_of_a_request_only_the_key_is_taken(made: authority.CertificateAuthority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    issued = made.issue_device_certificate(a_request(key), "device-1", now=NOW)

    certificate = x509.load_der_x509_certificate(issued.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject == certificates.named("device-1")
    assert [name.value for name in names] == ["urn:vigie:device:device-1"]
    assert certificate.public_key() == key.public_key()
    assert peer_of(certificate.public_bytes(Encoding.PEM)).certificate_serial == issued.serial


def test_a_request_that_its_key_did_not_sign_is_refused(
    made: authority.CertificateAuthority,
) -> None:
    request = bytearray(a_request(ec.generate_private_key(ec.SECP256R1())))
    request[-1] ^= 1

    with pytest.raises(MalformedRequest):
        made.issue_device_certificate(bytes(request), "device-1", now=NOW)


def test_a_weak_or_foreign_kind_of_key_is_refused(made: authority.CertificateAuthority) -> None:
    request = a_request(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    with pytest.raises(MalformedRequest, match="elliptic-curve"):
        made.issue_device_certificate(request, "device-1", now=NOW)


def test_devices_with_clocks_years_off_accept_the_servers_certificate(
    made: authority.CertificateAuthority,
) -> None:
    pair = made.issue_server_certificate(["vigie.example.org", "192.0.2.7"], now=NOW)

    for certificate in x509.load_pem_x509_certificates(pair.chain):
        assert certificate.not_valid_before_utc < NOW - timedelta(days=9 * 365)
        assert certificate.not_valid_after_utc > NOW + timedelta(days=19 * 365)


def test_the_https_authority_is_bound_to_the_servers_names(tmp_path: Path) -> None:
    authority.create(tmp_path, "https", names_only=["vigie.example.org", "192.0.2.7"], now=NOW)
    issuer = x509.load_pem_x509_certificate((tmp_path / "https.crt").read_bytes())

    constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints)

    assert constraints.critical
    assert constraints.value.permitted_subtrees is not None
    assert [str(name.value) for name in constraints.value.permitted_subtrees] == [
        "vigie.example.org",
        "192.0.2.7/32",
    ]


def test_a_certificate_of_another_authority_is_none_of_ours(
    made: authority.CertificateAuthority, tmp_path: Path
) -> None:
    authority.create(tmp_path / "other", "devices", now=NOW)
    other = authority.load(tmp_path / "other", "devices")
    request = a_request(ec.generate_private_key(ec.SECP256R1()))
    foreign = other.issue_device_certificate(request, "device-1", now=NOW).certificate

    with pytest.raises(MalformedRequest):
        made.expired_device_certificate(foreign)


def test_a_certificate_that_names_no_device_is_refused(
    made: authority.CertificateAuthority,
) -> None:
    for pem in (b"", b"nonsense", made.certificate_pem):
        with pytest.raises(UnknownDevice):
            peer_of(pem)
