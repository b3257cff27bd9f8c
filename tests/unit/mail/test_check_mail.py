"""One check of one domain: what is asked, how much of it, and what remains when time is up."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fakes.zone import Zone
from metric_pages import site_page
from vigie_server.domain.mail.dns import Answer, Kind, Outcome, Question
from vigie_server.domain.mail.exchangers import Meeting, Met
from vigie_server.domain.mail.findings import DKIM, DMARC, RULES, SPF, STARTTLS, Finding
from vigie_server.domain.verdicts import Status
from vigie_server.mail.servers import hello_name
from vigie_server.metrics.mail_lines import MailLines
from vigie_server.ports.mail import MailStanding
from vigie_server.services.check_mail import MOST_QUESTIONS, CheckDomain

D = "tilleuls.example"
PUBLIC = "8.8.4.4"


class ZoneLookups:
    """Answers from a zone; never, for a name that is held back."""

    def __init__(self, zone: Zone, *, held_back: str = "") -> None:
        self.zone = zone
        self.held_back = held_back

    async def answer(self, question: Question) -> Answer:
        if question.name == self.held_back:
            await asyncio.Event().wait()
        return self.zone.answer(question)


class Servers:
    """Meets every server the same way."""

    def __init__(self, met: Met = Met.ENCRYPTED) -> None:
        self.met = met
        self.called: list[tuple[str, str]] = []

    async def meet(self, host: str, address: str) -> Meeting:
        self.called.append((host, address))
        return Meeting(address, self.met)


def a_zone() -> Zone:
    zone = Zone().txt(D, "v=spf1 mx -all").txt(f"_dmarc.{D}", "v=DMARC1; p=reject")
    zone.txt(f"s1._domainkey.{D}", "v=DKIM1; k=ed25519; p=" + "A" * 43 + "=")
    return zone.hold(D, Kind.MX, "10 mx.example").hold("mx.example", Kind.A, PUBLIC)


def statuses(findings: dict[str, Finding]) -> dict[str, Status]:
    return {rule: finding.status for rule, finding in findings.items()}


async def checked(
    zone: Zone, servers: Servers, *, held_back: str = "", within: float = 10
) -> dict[str, Finding]:
    lookups = ZoneLookups(zone, held_back=held_back)
    return dict(await CheckDomain(lookups, servers, (), within)(D, ["s1"]))


async def test_a_domain_in_order_passes_every_rule_and_nothing_is_asked_twice() -> None:
    zone, servers = a_zone(), Servers()

    findings = await checked(zone, servers)

    assert statuses(findings) == dict.fromkeys(RULES, Status.PASS)
    assert servers.called == [("mx.example", PUBLIC)]
    assert len(zone.asked) == len(set(zone.asked))


@pytest.mark.parametrize("address", ["10.0.0.5", "127.0.0.1", "169.254.169.254"])
async def test_an_address_of_the_inside_is_never_called(address: str) -> None:
    servers = Servers()

    findings = await checked(a_zone().hold("mx.example", Kind.A, address), servers)

    assert servers.called == []
    assert findings[STARTTLS].status is Status.UNKNOWN
    assert address in findings[STARTTLS].reason["fr"]


async def test_when_time_is_up_what_was_found_stands_and_the_rest_is_unknown() -> None:
    findings = await checked(a_zone(), Servers(), held_back=f"_dmarc.{D}", within=0.5)

    assert statuses(findings) == {
        SPF: Status.PASS,
        DKIM: Status.PASS,
        DMARC: Status.UNKNOWN,
        STARTTLS: Status.UNKNOWN,
    }


async def test_a_check_asks_a_bounded_number_of_questions() -> None:
    zone = Zone().hold(D, Kind.MX, *[f"10 h{number}.example" for number in range(90)])
    names = [f"s{number}" for number in range(200)]

    findings = dict(await CheckDomain(ZoneLookups(zone), Servers(), (), 10)(D, names))

    assert len(zone.asked) == MOST_QUESTIONS
    assert findings[STARTTLS].status is Status.UNKNOWN


async def test_nothing_of_dns_means_nothing_known() -> None:
    zone = Zone()
    for name, kind in ((D, Kind.TXT), (D, Kind.MX), (f"_dmarc.{D}", Kind.TXT)):
        zone.trouble(name, kind, Outcome.TIMEOUT)
    zone.trouble(f"s1._domainkey.{D}", Kind.TXT, Outcome.FAILED)

    findings = await checked(zone, Servers())

    assert statuses(findings) == dict.fromkeys(RULES, Status.UNKNOWN)


def test_metrics_show_passes_and_fails_and_since_when_through_unknown() -> None:
    lines = MailLines()
    since = datetime(2026, 3, 1, tzinfo=UTC)
    lines.show(
        [
            MailStanding('Les "T"', D, SPF, Status.PASS, None),
            MailStanding("S", D, DKIM, Status.FAIL, since),
            MailStanding("S", D, DMARC, Status.UNKNOWN, since + timedelta(days=1)),
            MailStanding("S", D, STARTTLS, Status.NOT_APPLICABLE, None),
        ]
    )

    page = site_page(lines)

    name = "vigie_mail_domain_rule_compliant"
    assert f'{name}{{site="Les \\"T\\"",domain="{D}",rule="{SPF}"}} 1\n' in page
    assert f'{name}{{site="S",domain="{D}",rule="{DKIM}"}} 0\n' in page
    assert page.count(f"{name}{{") == 2
    assert page.count("failing_since_timestamp_seconds{") == 2
    lines.show([])
    assert site_page(lines) == ""


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("host", "vigie.example.org"), "vigie.example.org"),
        (("host", "192.0.2.7"), "[192.0.2.7]"),
        (("2001:db8::7",), "[IPv6:2001:db8::7]"),
        (("host",), "localhost.localdomain"),
        (("é.example", "bad name.example"), "localhost.localdomain"),
    ],
)
def test_the_server_calls_itself_by_a_name_that_smtp_allows(
    names: tuple[str, ...], said: str
) -> None:
    assert hello_name(names) == said
