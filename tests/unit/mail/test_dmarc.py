"""Q07-dmarc: policies of one's own, inherited ones, and what protects nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.zone import Zone, zone_of
from vigie_server.domain.mail.dmarc import dmarc
from vigie_server.domain.mail.dns import Kind, Outcome
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.verdicts import Status

D = "tilleuls.example"


def judged(zone: Zone, domain: str = D) -> Finding:
    return zone.decide(lambda known: dmarc(domain, known))


def judged_record(*records: str) -> Finding:
    return judged(zone_of({f"_dmarc.{D}": records}))


@pytest.mark.parametrize(
    "record",
    [
        "v=DMARC1; p=reject",
        "v=DMARC1;p=quarantine;rua=mailto:x@example.org",
        "v = DMARC1 ; p = Reject ; pct=100",
        "v=DMARC1; rua=mailto:x@example.org; p=reject; t=n; unknown=1",
        "v=DMARC1; p=reject; sp=none",
    ],
)
def test_an_enforced_policy_passes(record: str) -> None:
    found = judged_record("other text", record)

    assert found.status is Status.PASS, found.reason
    assert f"_dmarc.{D}" in found.reason["fr"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("v=DMARC1; p=none", "only watches"),
        ("v=DMARC1; rua=mailto:x@example.org", "only watches"),
        ("v=DMARC1; p=refuse", "p=refuse"),
        ("v=DMARC1; p=", "known value"),
        ("v=DMARC1; p=reject; t=y", "test mode"),
        ("v=DMARC1; p=reject; pct=20", "pct=20"),
        ("v=DMARC1; p=reject; pct=lots", "pct=lots"),
        ("v=DMARC1; p=reject; p=none", "malformed"),
        ("v=DMARC1; reject", "malformed"),
        ("v=dmarc1; p=reject", "Neither"),
        ("p=reject; v=DMARC1", "Neither"),
        ("v=DMARC10; p=reject", "Neither"),
        ("v=DMARC1; p=reject; x=" + "y" * 50_000, "malformed"),
    ],
)
def test_a_policy_that_protects_nothing_fails_and_says_why(record: str, told: str) -> None:
    found = judged_record(record)

    assert found.status is Status.FAIL
    assert told in found.reason["en"]


def test_no_policy_and_two_policies_fail() -> None:
    assert judged(Zone()).status is Status.FAIL
    assert judged_record("v=DMARC1; p=reject", "v=DMARC1; p=reject").status is Status.FAIL


def test_a_domain_below_inherits_the_policy_for_subdomains() -> None:
    zone = zone_of({f"_dmarc.{D}": "v=DMARC1; p=reject; sp=none"})
    assert judged(zone, f"mail.{D}").status is Status.FAIL
    zone = zone_of({f"_dmarc.{D}": "v=DMARC1; p=reject"})
    found = judged(zone, f"mail.{D}")
    assert found.status is Status.PASS
    assert f"mail.{D}" in found.reason["fr"]


def test_the_organizational_domain_is_the_highest_with_a_policy_unless_it_says_otherwise() -> None:
    texts = {"_dmarc.b.c.example": "v=DMARC1; p=reject", "_dmarc.c.example": "v=DMARC1; p=none"}
    assert judged(zone_of(texts), "a.b.c.example").status is Status.FAIL
    texts["_dmarc.b.c.example"] += "; psd=n"
    assert judged(zone_of(texts), "a.b.c.example").status is Status.PASS


def test_a_policy_of_ones_own_is_not_looked_for_above() -> None:
    zone = zone_of({f"_dmarc.mail.{D}": "v=DMARC1; p=none", f"_dmarc.{D}": "v=DMARC1; p=reject"})

    assert judged(zone, f"mail.{D}").status is Status.FAIL
    assert len(zone.asked) == 1


def test_a_very_long_name_asks_for_eight_names() -> None:
    zone = Zone()

    judged(zone, ".".join(f"l{number}" for number in range(60)))

    assert len(zone.asked) == 8


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.FAILED])
@pytest.mark.parametrize("name", [f"_dmarc.{D}", "_dmarc.example"])
def test_what_dns_did_not_answer_is_unknown(name: str, outcome: Outcome) -> None:
    assert judged(Zone().trouble(name, Kind.TXT, outcome)).status is Status.UNKNOWN


@given(st.text(max_size=100))
def test_whatever_follows_the_version_a_finding_is_reached(text: str) -> None:
    found = judged_record("v=DMARC1;" + text)

    assert found.status is Status.FAIL or "p=" in text.replace(" ", "").lower()
