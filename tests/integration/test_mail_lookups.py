"""DNS, asked of a real server on loopback: UDP, TCP, and servers that misbehave."""

import random

import dns.resolver
import pytest

from fakes.dns_server import DnsServer, Odd, dns_server
from fakes.zone import Zone
from vigie_server.domain.mail.dns import MOST_RECORDS, Answer, Kind, Outcome, Question
from vigie_server.mail.lookups import DnsLookups

D = "tilleuls.example"


async def asked(server: DnsServer, name: str, kind: Kind, *, within: float = 5) -> Answer:
    return await DnsLookups([server.resolver], within=within).answer(Question(name, kind))


async def test_records_of_every_kind_come_as_the_rules_read_them() -> None:
    long = "v=spf1 " + "ip4:192.0.2.1 " * 30 + "-all"
    zone = Zone().txt(D, long, "é\x00").hold(D, Kind.MX, "10 MX.example", "0 ")
    zone.hold(D, Kind.A, "192.0.2.1").hold(D, Kind.AAAA, "2001:db8::1")

    async with dns_server(zone) as server:
        text = await asked(server, D, Kind.TXT)
        mx = await asked(server, D, Kind.MX)
        addresses = [await asked(server, D, kind) for kind in (Kind.A, Kind.AAAA)]

    assert set(text.records) == {long, "é\x00"}
    assert set(mx.records) == {"10 MX.example", "0 "}
    assert [answer.records for answer in addresses] == [("192.0.2.1",), ("2001:db8::1",)]


async def test_an_answer_too_large_for_udp_comes_over_tcp_and_is_bounded() -> None:
    zone = Zone().txt(D, *[f"{number} " + "x" * 200 for number in range(MOST_RECORDS + 50)])

    async with dns_server(zone) as server:
        answer = await asked(server, D, Kind.TXT)

    assert server.over_tcp == [D]
    assert len(answer.records) == MOST_RECORDS


async def test_a_name_that_is_not_there_differs_from_a_name_without_the_record() -> None:
    async with dns_server(Zone().txt(D, "x")) as server:
        no_record = await asked(server, D, Kind.MX)
        no_name = await asked(server, f"no.{D}", Kind.MX)

    assert no_record == Answer(Outcome.ABSENT)
    assert no_name == Answer(Outcome.ABSENT, no_such_name=True)


async def test_an_alias_is_followed() -> None:
    async with dns_server(Zone().txt("real.example", "v=DKIM1; p=x")) as server:
        server.aliases["s1._domainkey." + D] = "real.example"
        answer = await asked(server, "s1._domainkey." + D, Kind.TXT)

    assert answer.records == ("v=DKIM1; p=x",)


@pytest.mark.parametrize(
    ("odd", "outcome", "within"),
    [
        (Odd.SERVFAIL, Outcome.FAILED, 30),
        (Odd.SILENT, Outcome.TIMEOUT, 0.3),
        (Odd.GARBAGE, Outcome.TIMEOUT, 0.3),
    ],
)
async def test_a_server_in_trouble_gives_an_outcome_in_bounded_time(
    odd: Odd, outcome: Outcome, within: float
) -> None:
    async with dns_server(Zone().txt(D, "x")) as server:
        server.odd[D] = odd
        answer = await asked(server, D, Kind.TXT, within=within)

    assert answer.records == ()
    assert answer.outcome is outcome


async def test_a_system_without_resolvers_gives_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", none)

    answer = await DnsLookups([], within=5).answer(Question(D, Kind.TXT))

    assert answer == Answer(Outcome.FAILED)


async def test_half_an_answer_is_no_answer() -> None:
    async with dns_server(Zone().txt(D, "x" * 100)) as server:
        server.odd[D] = Odd.CUT
        answer = await asked(server, D, Kind.TXT, within=0.3)

    assert not answer.known


@pytest.mark.parametrize("name", ["x" * 70 + ".example", "a" * 10 + ".b" * 130, "a..b"])
async def test_a_name_that_cannot_be_asked_for_is_a_failure(name: str) -> None:
    async with dns_server(Zone()) as server:
        answer = await asked(server, name, Kind.TXT, within=1)

    assert not answer.known


async def test_whatever_octets_an_answer_holds_an_outcome_is_reached() -> None:
    chance = random.Random(7)
    zone = Zone().txt(D, "v=spf1 -all", "x" * 300).hold(D, Kind.MX, "10 mx.example", "20 b.example")
    async with dns_server(zone) as server:
        lookups = DnsLookups([server.resolver], within=0.06)
        for number in range(60):
            server.damage = lambda wire: _damaged(wire, chance)
            kind = (Kind.TXT, Kind.MX)[number % 2]
            answer = await lookups.answer(Question(D, kind))
            assert answer.outcome in set(Outcome)


def _damaged(wire: bytes, chance: random.Random) -> bytes:
    """The answer with some of its octets others; its first two stay, so that it is looked at."""
    octets = bytearray(wire)
    for _ in range(chance.randint(1, 6)):
        octets[chance.randrange(2, len(octets))] = chance.randrange(256)
    return bytes(octets)
