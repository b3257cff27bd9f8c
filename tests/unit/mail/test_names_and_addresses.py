"""What people may give as domains and selectors, and which addresses may be called."""

from ipaddress import ip_network

import pytest

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.mail.addresses import may_call
from vigie_server.domain.mail.dns import Kind, Outcome
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.mail.names import domain_of, selectors_of
from vigie_server.domain.mail.sites import of_site
from vigie_server.domain.verdicts import Status


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Example.FR.", "example.fr"),
        ("accueil@tilleuls.example", "tilleuls.example"),
        ("  érables.fr ", "xn--rables-9ua.fr"),
        ("a-b.c.example", "a-b.c.example"),
    ],
)
def test_a_domain_has_one_form(given: str, kept: str) -> None:
    assert domain_of(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "localhost", "192.0.2.1", "::1", "a..b", "-a.example", "a_b.example", "a b.example"),
        *("a.1", "x" * 64 + ".example", ".".join(["abc"] * 80), "a.example/../x", "\x00.example"),
    ],
)
def test_what_is_no_domain_is_refused(given: str) -> None:
    with pytest.raises(DeclarationRefused, match="the part after the @"):
        domain_of(given)


def test_selectors_are_kept_once_without_what_every_name_has() -> None:
    given = ["S1", "s1._domainkey", "mail.2024", "k_2"]

    assert selectors_of(given) == ("s1", "mail.2024", "k_2")


@pytest.mark.parametrize("given", [[""], ["a b"], ["é"], ["x" * 101], [f"s{n}" for n in range(21)]])
def test_selectors_that_cannot_be_are_refused(given: list[str]) -> None:
    with pytest.raises(DeclarationRefused):
        selectors_of(given)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "224.0.0.1", "255.255.255.255"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::ffff:127.0.0.1", "ff02::1"),
    ],
)
def test_addresses_of_the_inside_are_not_called(address: str) -> None:
    assert not may_call(address, ())


def test_public_addresses_and_listed_networks_are_called() -> None:
    assert may_call("8.8.8.8", ())
    assert may_call("2600::1", ())
    assert may_call("10.1.2.3", (ip_network("10.1.0.0/16"),))
    assert may_call("::ffff:10.1.2.3", (ip_network("10.1.0.0/16"),))
    assert not may_call("10.2.2.3", (ip_network("10.1.0.0/16"),))


def a_finding(status: Status) -> Finding:
    return Finding(status, {"fr": f"raison {status}", "en": f"reason {status}"})


def test_the_worst_domain_decides_for_the_site_and_is_named() -> None:
    domains = {
        "a.example": a_finding(Status.PASS),
        "b.example": a_finding(Status.FAIL),
        "c.example": a_finding(Status.NOT_APPLICABLE),
    }

    found = of_site(domains)

    assert found is not None
    assert found.status is Status.FAIL
    assert found.reason == {"fr": "b.example : raison fail", "en": "b.example: reason fail"}
    assert len(found.detail) == 3


def test_a_domain_not_yet_checked_keeps_the_site_unknown() -> None:
    found = of_site({"a.example": a_finding(Status.PASS), "b.example": None})

    assert found is not None
    assert found.status is Status.UNKNOWN
    assert of_site({}) is None


def test_only_found_and_absent_are_answers() -> None:
    assert {kind.value for kind in Kind} == {"TXT", "MX", "A", "AAAA"}
    assert len(Outcome) == 4
