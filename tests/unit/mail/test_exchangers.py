"""Q07-starttls: which servers are asked, and what their answers come to."""

from datetime import UTC, datetime

import pytest

from fakes.zone import Zone
from vigie_server.domain.mail.dns import Kind, Outcome
from vigie_server.domain.mail.exchangers import Meeting, Met, Server, servers, starttls
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.verdicts import Status

D = "tilleuls.example"
UNTIL = datetime(2027, 3, 1, tzinfo=UTC)
GOOD = Meeting("192.0.2.1", Met.ENCRYPTED, valid_until=UNTIL)


def found(zone: Zone) -> tuple[Server, ...] | Finding:
    return zone.decide(lambda known: servers(D, known))


def mx(*records: str) -> Zone:
    return Zone().hold(D, Kind.MX, *records)


def only(answer: tuple[Server, ...] | Finding) -> Server:
    assert not isinstance(answer, Finding)
    (server,) = answer
    return server


def test_servers_come_in_order_of_preference_with_their_addresses() -> None:
    zone = mx("20 b.example", "10 A.example", "20 a.example")
    zone.hold("a.example", Kind.A, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    zone.hold("a.example", Kind.AAAA, "2001:db8::1").hold("b.example", Kind.A, "192.0.2.9")

    answer = found(zone)

    assert answer == (
        Server("a.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        Server("b.example", ("192.0.2.9",)),
    )


def test_a_null_mx_is_not_applicable() -> None:
    answer = found(mx("0 "))

    assert isinstance(answer, Finding)
    assert answer.status is Status.NOT_APPLICABLE


def test_a_null_mx_among_others_is_passed_over() -> None:
    assert only(found(mx("0 ", "10 a.example").hold("a.example", Kind.A, "192.0.2.1"))).addresses


def test_without_mx_the_domains_own_address_takes_its_mail() -> None:
    zone = Zone().hold(D, Kind.A, "192.0.2.1")

    assert only(found(zone)) == Server(D, ("192.0.2.1",))


def test_a_domain_that_takes_no_mail_without_saying_so_is_unknown() -> None:
    answer = found(Zone().txt(D, "v=spf1 -all"))

    assert isinstance(answer, Finding)
    assert answer.status is Status.UNKNOWN


def test_a_domain_that_does_not_exist_fails() -> None:
    answer = found(Zone())

    assert isinstance(answer, Finding)
    assert answer.status is Status.FAIL


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.FAILED])
def test_servers_that_dns_did_not_name_are_unknown(outcome: Outcome) -> None:
    answer = found(Zone().trouble(D, Kind.MX, outcome))
    assert isinstance(answer, Finding)
    assert answer.status is Status.UNKNOWN
    server = only(found(mx("10 a.example").trouble("a.example", Kind.AAAA, outcome)))
    assert server.finding is not None
    assert server.finding.status is Status.UNKNOWN


@pytest.mark.parametrize(
    "host", ["nowhere.example", "192.0.2.1", "2001:db8::1", "a\\.b..example", "a b.example", "é.fr"]
)
def test_a_server_without_an_address_or_without_a_proper_name_fails(host: str) -> None:
    zone = mx(f"10 {host}")
    if host != "nowhere.example":
        zone.hold(host, Kind.A, "192.0.2.1")

    server = only(found(zone))

    assert server.finding is not None
    assert server.finding.status is Status.FAIL
    assert host in server.finding.reason["fr"]


def test_of_very_many_servers_the_rest_is_unknown() -> None:
    zone = mx(*[f"10 h{number}.example" for number in range(50)])
    for number in range(50):
        zone.hold(f"h{number}.example", Kind.A, "192.0.2.1")

    answer = found(zone)

    assert not isinstance(answer, Finding)
    assert len(answer) == 11
    met = [(server, [GOOD] if server.addresses else []) for server in answer]
    assert starttls(met).status is Status.UNKNOWN


def test_every_server_that_encrypts_passes_with_the_day_its_certificate_ends() -> None:
    result = starttls([(Server("a.example"), [GOOD]), (Server("b.example"), [GOOD])])

    assert result.status is Status.PASS
    assert "01/03/2027" in result.reason["fr"]
    assert "2027-03-01" in result.reason["en"]
    assert [row["host"] for row in result.detail] == ["a.example", "b.example"]


@pytest.mark.parametrize("met", [met for met in Met if met is not Met.ENCRYPTED])
def test_anything_but_encryption_never_passes_and_names_the_server(met: Met) -> None:
    result = starttls([(Server("a.example"), [GOOD]), (Server("b.example"), [Meeting("::1", met)])])

    assert result.status in {Status.FAIL, Status.UNKNOWN}
    assert "b.example" in result.reason["fr"]
    assert "b.example" in result.reason["en"]


def test_a_silent_address_beside_a_good_one_is_passed_over_and_a_plain_one_is_not() -> None:
    silent, plain = Meeting("192.0.2.2", Met.NO_ANSWER), Meeting("192.0.2.3", Met.NO_STARTTLS)

    assert starttls([(Server("a.example"), [silent, GOOD])]).status is Status.PASS
    assert starttls([(Server("a.example"), [silent])]).status is Status.UNKNOWN
    assert starttls([(Server("a.example"), [GOOD, plain])]).status is Status.FAIL


def test_an_unreachable_family_says_nothing_beside_a_family_that_was_met() -> None:
    no_route = Meeting("2001:db8::1", Met.NO_ROUTE)
    silent = Meeting("192.0.2.2", Met.NO_ANSWER)

    assert "ne répond pas" in starttls([(Server("a"), [no_route, silent])]).reason["fr"]
    assert "route" in starttls([(Server("a"), [no_route])]).reason["fr"]


def test_a_server_that_nobody_met_is_unknown() -> None:
    assert starttls([(Server("a.example"), [])]).status is Status.UNKNOWN


def test_words_of_a_server_are_shown_short_and_printable() -> None:
    words = "\x1b[2J" + "x" * 10_000

    result = starttls([(Server("a.example"), [Meeting("::1", Met.TURNED_AWAY, words)])])

    assert result.reason["fr"].isprintable()
    assert len(result.reason["fr"]) < 300
    assert len(result.detail[0]["said"]) <= 200
