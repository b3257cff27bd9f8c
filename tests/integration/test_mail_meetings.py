"""Meetings with real SMTP servers on loopback: good ones, weak ones, and those that misbehave."""

import asyncio
import random
import socket
from datetime import UTC
from pathlib import Path

import pytest

from fakes.mail_server import DAY, NOW, Authority, MailServer, mail_server
from vigie_server.bootstrap.trust import trusting
from vigie_server.domain.mail.exchangers import Meeting, Met
from vigie_server.mail.servers import MAX_LINE, MOST_LINES, SmtpMeetings

HOST = "mx.tilleuls.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made_in(tmp_path)


async def meeting(
    server: MailServer, authority: Authority, *, within: float = 60, host: str = HOST
) -> Meeting:
    async with mail_server(server):
        meetings = SmtpMeetings(
            own_name="vigie.example",
            port=server.port,
            within=within,
            tls=trusting(authority.pem),
        )
        return await meetings.meet(host, "127.0.0.1")


async def test_a_good_server_is_met_over_tls_and_handed_no_mail(authority: Authority) -> None:
    ends = (NOW + 20 * DAY).replace(microsecond=0)
    server = MailServer(authority.issue(HOST, ends=ends))

    met = await meeting(server, authority)

    assert met == Meeting("127.0.0.1", Met.ENCRYPTED, valid_until=ends.astimezone(UTC))
    assert server.heard == ["EHLO vigie.example", "STARTTLS", "QUIT"]
    assert server.encrypted == 1


async def test_a_server_without_starttls_is_left_politely(authority: Authority) -> None:
    server = MailServer()

    met = await meeting(server, authority)

    assert met.met is Met.NO_STARTTLS
    assert server.heard[-1] == "QUIT"


async def test_the_days_of_a_certificate_count(authority: Authority) -> None:
    expired = authority.issue(HOST, begins=NOW - 20 * DAY, ends=NOW - DAY)
    early = authority.issue(HOST, begins=NOW + DAY)

    assert (await meeting(MailServer(expired), authority)).met is Met.EXPIRED
    assert (await meeting(MailServer(early), authority)).met is Met.NOT_YET_VALID


async def test_the_name_and_the_issuer_of_a_certificate_count(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority.made_in(tmp_path / "other")
    wrong_name = authority.issue("mail.example")

    assert (await meeting(MailServer(wrong_name), authority)).met is Met.WRONG_NAME
    assert (
        await meeting(MailServer(authority.self_signed(HOST)), authority)
    ).met is Met.SELF_SIGNED
    untrusted = await meeting(MailServer(other.issue(HOST)), authority)
    assert untrusted.met is Met.UNTRUSTED
    assert untrusted.said


async def test_a_certificate_of_the_domain_is_not_one_of_the_server(authority: Authority) -> None:
    server = MailServer(authority.issue("tilleuls.example"))

    assert (await meeting(server, authority)).met is Met.WRONG_NAME


@pytest.mark.parametrize("ready", [b"454 not now\r\n", b"502 no\r\n"])
async def test_starttls_that_is_offered_and_refused_is_none(
    authority: Authority, ready: bytes
) -> None:
    met = await meeting(MailServer(authority.issue(HOST), ready=ready), authority)

    assert met.met is Met.NO_STARTTLS
    assert met.said == ready.decode().strip()


@pytest.mark.parametrize("octets", [b"what?\r\n" * 10, b"\x15\x03\x01\x00\x02\x02\x28", b"\x00"])
async def test_a_handshake_that_fails_is_no_encryption(authority: Authority, octets: bytes) -> None:
    met = await meeting(MailServer(authority.issue(HOST), after_ready=octets), authority)

    assert met.met is Met.TLS_FAILED


@pytest.mark.parametrize("place", ["connect", "EHLO", "STARTTLS"])
async def test_a_server_that_falls_silent_is_left_in_bounded_time(
    authority: Authority, place: str
) -> None:
    server = MailServer(authority.issue(HOST), silent_after=place)

    assert (await meeting(server, authority, within=0.2)).met is Met.NO_ANSWER


async def test_a_server_that_falls_silent_at_the_very_end_was_met(authority: Authority) -> None:
    server = MailServer(authority.issue(HOST), silent_after="QUIT")

    assert (await meeting(server, authority)).met is Met.ENCRYPTED


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\xfe" * 30 + b"\n",
        b"220 " + b"x" * (MAX_LINE * 3) + b"\r\n",
        b"220-and\r\n" * (MOST_LINES * 3),
        b"22",
        b"199 hello\r\n",
        b"\n",
    ],
)
async def test_what_does_not_speak_smtp_is_told_apart(
    authority: Authority, greeting: bytes
) -> None:
    server = MailServer(authority.issue(HOST), greeting=greeting, silent_after="EHLO")
    begun = greeting == b"22"  # the rest of it is waited for, all others are answers
    met = await meeting(server, authority, within=0.5 if begun else 60)

    assert met.met is (Met.NO_ANSWER if begun else Met.NOT_SMTP)


@pytest.mark.parametrize("greeting", [b"421 busy\r\n", b"554 5.7.1 your address is listed\r\n"])
async def test_a_server_that_turns_us_away_is_quoted(authority: Authority, greeting: bytes) -> None:
    met = await meeting(MailServer(authority.issue(HOST), greeting=greeting), authority)

    assert met.met is Met.TURNED_AWAY
    assert met.said == greeting.decode().strip()


async def test_a_closed_port_is_no_answer(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    meetings = SmtpMeetings(
        own_name="vigie.example", port=port, within=5, tls=trusting(authority.pem)
    )

    assert (await meetings.meet(HOST, "127.0.0.1")).met is Met.NO_ANSWER


async def test_many_meetings_at_once_do_not_mix(authority: Authority) -> None:
    good, bad = MailServer(authority.issue(HOST)), MailServer()
    results = await asyncio.gather(
        *[meeting(server, authority) for server in (good, bad)],
    )

    assert [result.met for result in results] == [Met.ENCRYPTED, Met.NO_STARTTLS]


async def test_a_name_that_tls_cannot_say_is_no_encryption(authority: Authority) -> None:
    met = await meeting(MailServer(authority.issue(HOST)), authority, host="a..b")

    assert met.met is Met.TLS_FAILED


@pytest.mark.parametrize("place", ["greeting", "hello", "ready", "after_ready"])
async def test_whatever_octets_a_server_sends_the_meeting_ends(
    authority: Authority, place: str
) -> None:
    chance = random.Random(place)
    for _ in range(15):
        octets = chance.randbytes(chance.randint(1, 5000))
        server = MailServer(authority.issue(HOST), **{place: octets})  # type: ignore[arg-type]
        met = await meeting(server, authority, within=0.1)
        assert met.met in {Met.NOT_SMTP, Met.NO_ANSWER, Met.TLS_FAILED}
