"""What is told, to whom, in which words; when it is tried again."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.notices.content import content_of
from vigie_server.domain.notices.digest import last_due
from vigie_server.domain.notices.message import as_html, as_text
from vigie_server.domain.notices.occurrences import Occurrence, What, decide
from vigie_server.domain.notices.recipients import email_of, recipient_of, shown_address, url_of
from vigie_server.domain.notices.retrying import FIRST, LONGEST, pause
from vigie_server.domain.notices.telling import told_in

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
MINUTE = timedelta(minutes=1)
TITLES = {"R": {"fr": "Chiffrer le disque", "en": "Encrypt the disk"}}


def a_fail(name: str = "poste", **values: object) -> Occurrence:
    one = Occurrence(What.CRITICAL, f"{name} R", NOW, "R", name, {"fr": "non", "en": "no"})
    return replace(one, **values)  # type: ignore[arg-type]


def test_what_comes_together_is_told_together_once_the_first_has_waited() -> None:
    first, second = a_fail("a", noticed_at=NOW), a_fail("b")

    before = decide([first, second], now=NOW + 4 * MINUTE, gather=5 * MINUTE)
    after = decide([first, second], now=NOW + 5 * MINUTE, gather=5 * MINUTE)

    assert (before.notice, before.tell) == ([second], [])
    assert after.tell == [first, second]
    assert decide([], now=NOW, gather=timedelta(0)).tell == []


def test_a_flood_is_counted_and_ten_are_named() -> None:
    content = content_of([a_fail(f"poste-{number:02}") for number in range(50)], TITLES)

    message = told_in(json.loads(json.dumps(content)), site="S", notice="x", language="fr")

    assert message.subject == "[Vigie] S : 50 points à traiter"
    (part,) = message.parts
    assert part.heading == "Règle critique non respectée\u00a0: Chiffrer le disque (50 équipements)"
    assert len(part.lines) == 11
    assert part.lines[0] == "poste-00\u00a0: non (depuis le 04/03/2026)"
    assert part.lines[-1] == "… et 40 de plus"


def test_the_gravest_comes_first() -> None:
    stolen = a_fail("volé", what=What.MISSING, of="stolen", reason={})
    message = told_in(content_of([a_fail(), stolen], TITLES), site="S", notice="x", language="en")

    assert "lost or stolen" in message.parts[0].heading


@given(st.text(), st.text())
def test_text_of_others_is_one_line_and_never_markup(name: str, site: str) -> None:
    content = content_of([a_fail(name, reason={"fr": site, "en": site})], {})

    message = told_in(content, site=site, notice="x", language="fr")

    assert message.subject.isprintable()
    page = as_html(message)
    tags = {"html", "head", "meta", "title", "body", "p", "h2", "ul", "li", "hr", "!DOCTYPE"}
    assert {part.split(">")[0].split()[0].strip("/") for part in page.split("<")[1:]} <= tags
    assert len(as_text(message).splitlines()) == 7


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a b@c.fr", "a@c.fr\r\nBcc: d@e.fr", "<a@c.fr>", "a,b@c.fr", "é@c.fr"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(DeclarationRefused):
        email_of(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.fr/x",
        "https://a:b@c.fr/",
        "https://c.fr/#x",
        "https:///x",
        "https://c.fr/a b",
        "https://c.fr/\r\nX: y",
        "https://c.fr:99999/",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_webhook_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DeclarationRefused) as refused:
        url_of(url)
    assert url not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "file:../ca/devices.key", "file:.hidden", "env:HOME", "x"])
def test_a_webhook_s_secret_is_in_its_own_places(secret: str) -> None:
    with pytest.raises(DeclarationRefused, match="file:NAME"):
        recipient_of(
            site="S",
            body="",
            channel="webhook",
            address="https://c.fr/h?key=k",
            secret=secret,
            language="fr",
            critical=True,
            digest=True,
        )


def test_of_a_webhook_the_host_alone_is_shown() -> None:
    given = recipient_of(
        site="S",
        body="",
        channel="webhook",
        address="https://c.fr:8443/h?key=k",
        secret="env:VIGIE_NOTIFY_KEY",
        language="fr",
        critical=True,
        digest=True,
    )

    assert shown_address(given.channel, given.address) == "https://c.fr:8443/…"


def test_pauses_double_up_to_an_hour_spread_by_half() -> None:
    full = [pause(attempts, jitter=1) for attempts in (1, 2, 3, 9, 10_000)]

    assert full == [FIRST, 2 * FIRST, 4 * FIRST, LONGEST, LONGEST]
    assert pause(1, jitter=0) == FIRST / 2


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (NOW, datetime(2026, 3, 2, 7, tzinfo=UTC)),
        (datetime(2026, 3, 2, 7, tzinfo=UTC), datetime(2026, 3, 2, 7, tzinfo=UTC)),
        (datetime(2026, 3, 2, 6, 59, tzinfo=UTC), datetime(2026, 2, 23, 7, tzinfo=UTC)),
    ],
)
def test_a_digest_is_due_at_its_hour_of_the_week(now: datetime, due: datetime) -> None:
    assert last_due(now, weekday=1, hour=7) == due
