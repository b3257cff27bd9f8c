"""Q07-dkim, over keys good, weak, revoked and broken."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from fakes.zone import Zone, zone_of
from vigie_server.domain.mail.dkim import dkim
from vigie_server.domain.mail.dns import Kind, Outcome
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.verdicts import Status

D = "tilleuls.example"
NAME = f"s1._domainkey.{D}"


def encoded(key: PublicKeyTypes, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return base64.b64encode(key.public_bytes(Encoding.DER, form)).decode()


def rsa_key(bits: int) -> rsa.RSAPublicKey:
    """A public key of this length; nobody has its private half."""
    return rsa.RSAPublicNumbers(65537, (1 << bits) - 159).public_key()


GOOD = encoded(rsa_key(2048))


def judged(zone: Zone, *selectors: str) -> Finding:
    return zone.decide(lambda known: dkim(D, selectors, known))


def judged_record(*records: str) -> Finding:
    return judged(zone_of({NAME: records}), "s1")


@pytest.mark.parametrize(
    "record",
    [
        f"v=DKIM1; k=rsa; p={GOOD}",
        f"p={GOOD}",
        f"v=DKIM1;t=s;h=sha1:sha256;s=email;n=note;p={GOOD};",
        f"v=DKIM1; p={GOOD[:100]} \t{GOOD[100:]}",
        f"v=DKIM1; k=rsa; p={encoded(rsa_key(2048), PublicFormat.PKCS1)}",
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    ],
)
def test_a_strong_key_in_force_passes(record: str) -> None:
    found = judged_record(record)

    assert found.status is Status.PASS, found.reason
    assert NAME in found.reason["fr"]


def test_a_key_of_1024_bits_passes_and_is_told_what_is_advised() -> None:
    found = judged_record(f"v=DKIM1; p={encoded(rsa_key(1024))}")

    assert found.status is Status.PASS
    assert "2048" in found.reason["fr"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (f"v=DKIM1; p={encoded(rsa_key(768))}", "768"),
        ("v=DKIM1; k=rsa; p=", "revoked"),
        ("v=DKIM1; k=rsa", "malformed"),
        (f"p={GOOD}; v=DKIM1", "malformed"),
        (f"v=DKIM2; p={GOOD}", "malformed"),
        (f"v=DKIM1; p={GOOD}; p={GOOD}", "malformed"),
        ("v=DKIM1; hello; p=x", "“hello”".strip("“”")),
        (f"v=DKIM1; t=y:s; p={GOOD}", "t=y"),
        (f"v=DKIM1; h=sha1; p={GOOD}", "sha1"),
        (f"v=DKIM1; s=tlsrpt; p={GOOD}", "tlsrpt"),
        ("v=DKIM1; p=????", "cannot be read"),
        ("v=DKIM1; p=aGVsbG8=", "cannot be read"),
        ("v=DKIM1; p=é", "cannot be read"),
        ("v=DKIM1; k=ed25519; p=aGVsbG8=", "cannot be read"),
        (f"v=DKIM1; k=gost; p={GOOD}", "gost"),
        (
            f"v=DKIM1; k=rsa; p={encoded(ec.derive_private_key(7, ec.SECP256R1()).public_key())}",
            "cannot be read",
        ),
        ("v=spf1 -all", "malformed"),
        ("x" * 60_000, "malformed"),
    ],
)
def test_a_key_that_protects_nothing_fails_and_says_why(record: str, told: str) -> None:
    found = judged_record(record)

    assert found.status is Status.FAIL
    assert told in found.reason["en"]


def test_a_missing_and_a_double_record_fail() -> None:
    assert judged(Zone(), "s1").status is Status.FAIL
    assert judged_record(f"p={GOOD}", f"p={GOOD}").status is Status.FAIL


def test_every_given_selector_must_be_in_force() -> None:
    zone = zone_of({NAME: f"p={GOOD}", f"s2._domainkey.{D}": "p="})

    assert judged(zone, "s1").status is Status.PASS
    found = judged(zone, "s1", "s2")
    assert found.status is Status.FAIL
    assert "s2._domainkey" in found.reason["fr"]
    assert len(found.detail) == 2


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.FAILED])
def test_a_selector_that_dns_did_not_answer_for_is_unknown(outcome: Outcome) -> None:
    zone = zone_of({NAME: f"p={GOOD}"}).trouble(f"s2._domainkey.{D}", Kind.TXT, outcome)

    assert judged(zone, "s1", "s2").status is Status.UNKNOWN


def test_without_a_selector_it_is_unknown_and_says_whom_to_ask() -> None:
    found = judged(zone_of({D: "v=spf1 -all"}).hold(D, Kind.MX, "10 mx.example"))

    assert found.status is Status.UNKNOWN
    assert "prestataire" in found.reason["fr"]


def test_a_domain_that_neither_sends_nor_takes_mail_needs_no_key() -> None:
    zone = zone_of({D: "v=spf1 -all"}).hold(D, Kind.MX, "0 ")

    assert judged(zone).status is Status.NOT_APPLICABLE
    assert judged(zone, "s1").status is Status.FAIL


@given(st.text(max_size=200))
def test_whatever_the_record_holds_only_a_key_passes(text: str) -> None:
    assert judged_record(text).status is Status.FAIL


@given(st.data())
def test_a_damaged_key_is_read_or_refused(data: st.DataObject) -> None:
    der = bytearray(base64.b64decode(GOOD))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))

    found = judged_record(f"v=DKIM1; p={base64.b64encode(bytes(der)).decode()}")

    assert found.status in {Status.PASS, Status.FAIL}


def test_a_key_that_receivers_need_not_verify_fails() -> None:
    assert judged_record(f"p={encoded(rsa_key(4096))}").status is Status.PASS
    found = judged_record(f"p={encoded(rsa_key(90_000))}")
    assert found.status is Status.FAIL
    assert "4096" in found.reason["fr"]
