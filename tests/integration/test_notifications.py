"""A running server tells people: a real relay, a real HTTPS receiver, devices that report."""

import asyncio
import json
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from fakes.hook_receiver import HookReceiver, hook_receiver
from fakes.mail_relay import MailRelay, mail_relay
from fakes.mail_server import Authority
from fakes.plain_http import plain_client
from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scraped
from fakes.scripted_device import (
    FIREWALL_COLUMNS,
    ScriptedIdentity,
    a_hello,
    a_report,
    a_snapshot,
    enrolled,
    session,
)
from vigie_server.domain.notices.recipients import recipient_of
from vigie_server.domain.sites import Site
from vigie_server.outgoing.webhook import signature
from vigie_server.ports.declaring import Act
from vigie_server.ports.notifying import DeliveryRecord, DeliveryState
from vigie_server.settings import HttpSettings, SweepSettings, VerdictSettings
from vigie_server.settings_messages import NotifySettings
from vigie_server.store.organisation import Organisation
from vigie_server.store.recipients import Recipients

OFTEN = SweepSettings(every=timedelta(milliseconds=20), views_every=timedelta(milliseconds=20))
NO_GRACE = VerdictSettings(grace=timedelta(0))
SITE, RULE = "Les Tilleuls", "Q06-firewall-enabled"
TO = "dsi@tilleuls.fr"
SECRET = "un secret long comme il faut"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made_in(tmp_path / "authority")


def telling(authority: Authority, relay: MailRelay | None = None, **more: object) -> NotifySettings:
    values: dict[str, object] = {
        "every": timedelta(milliseconds=20),
        "gather": timedelta(0),
        "authorities": authority.pem,
    }
    if relay is not None:
        values |= {"smtp_host": "localhost", "smtp_port": relay.port, "smtp_from": "v@vigie.test"}
    return NotifySettings.model_validate(values | more)


def declare(running: RunningServer, address: str = TO, **given: str) -> str:
    values = {"site": SITE, "body": "", "channel": "email", "secret": "", "language": "fr"}
    recipient = recipient_of(
        **values | given,
        address=address,
        critical=True,
        digest=True,
    )
    Organisation(running.server.database).put(Site(name=SITE), Act("test", running.now()))
    return Recipients(running.server.database).add(recipient, Act("test", running.now())).id


def messages(running: RunningServer) -> list[DeliveryRecord]:
    return list(Recipients(running.server.database).deliveries(None, before=None, limit=50))


async def until(running: RunningServer, state: DeliveryState) -> DeliveryRecord:
    """The newest message once all are in this state; the test's own time limit ends a vain wait."""
    while True:
        found = await asyncio.to_thread(messages, running)
        if found and {one.state for one in found} == {state}:
            return found[0]
        await asyncio.sleep(0.01)


async def failing_device(running: RunningServer, name: str = "pare-feu") -> ScriptedIdentity:
    """Its firewall is off, under this name."""
    identity = await enrolled(running.token(), running.authority.certificate_pem)
    await report(identity, 1, "0", name)
    return identity


async def report(identity: ScriptedIdentity, seq: int, on: str, name: str = "ipv4") -> None:
    async with session(identity) as device:
        await device.greet(a_hello(highest_seq=seq))
        snapshot = a_snapshot("firewall", FIREWALL_COLUMNS, [("inbound", "yes", "", name, on)])
        await device.send(a_report(seq, snapshot))
        await device.acknowledged(seq)


async def test_a_critical_fail_is_one_mail_through_restarts(
    tmp_path: Path, authority: Authority
) -> None:
    async with mail_relay(MailRelay(tls=authority.issue("localhost"))) as relay:
        settings: dict[str, Any] = {
            "sweep": OFTEN,
            "verdicts": NO_GRACE,
            "notify": telling(authority, relay),
            "http": HttpSettings(plain=True),
        }
        async with running_server(tmp_path / "data", **settings) as running:
            declare(running)
            identity = await failing_device(running, "<b>ipv4</b>\r\nBcc: x@evil.test")
            await relay.holds(1)
            await until(running, DeliveryState.SENT)
        async with running_server(tmp_path / "data", **settings) as running:
            declare(running, "autre@tilleuls.fr", site="")
            await failing_device(running)  # another device: its notice comes after the restart
            await relay.holds(3)
            await until(running, DeliveryState.SENT)
            sent = 'vigie_notifications_total{kind="critical",outcome="sent"} 2.0'
            await scraped(running, "/metrics/server", lambda page: sent in page)

    assert sorted(to for to, _ in relay.taken) == ["autre@tilleuls.fr", TO, TO]
    first = relay.taken[0][1]
    assert first["Subject"] == "[Vigie] Les Tilleuls : 1 point à traiter"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Bcc"] is None
    assert len({letter["Message-ID"] for _, letter in relay.taken}) == 3
    text = read(first, "plain")
    assert "Règle critique non respectée" in text
    assert "(1 équipement)" in text
    html = read(first, "html")
    assert "<b>ipv4" not in html
    assert identity.device_id not in text  # people know devices by their names
    assert relay.heard[:2] == ["ehlo vigie.test", "STARTTLS"]


def read(letter: EmailMessage, form: str) -> str:
    part = letter.get_body((form,))
    assert part is not None
    return str(part.get_content())


async def test_a_relay_that_fails_is_tried_again_with_the_same_message(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_server.domain.notices.retrying.FIRST", timedelta(milliseconds=10))
    relay = MailRelay(tls=authority.issue("localhost"), answers={"DATA.": b"451 later\r\n"})
    async with (
        mail_relay(relay),
        running_server(
            tmp_path / "data", sweep=OFTEN, verdicts=NO_GRACE, notify=telling(authority, relay)
        ) as running,
    ):
        declare(running)
        await failing_device(running)
        await relay.holds(1)
        sent = await until(running, DeliveryState.SENT)

    assert sent.attempts == 2
    assert relay.taken[0][1]["Message-ID"] == f"<{sent.id}@vigie.test>"


@pytest.mark.parametrize("trouble", ["untrusted", "wrong name", "refused for good"])
async def test_what_cannot_be_handed_over_is_given_up_and_shown(
    tmp_path: Path, authority: Authority, trouble: str
) -> None:
    name = "autre.test" if trouble == "wrong name" else "localhost"
    other = Authority.made_in(tmp_path / "other") if trouble == "untrusted" else authority
    relay = MailRelay(tls=other.issue(name))
    if trouble == "refused for good":
        relay.answers["RCPT"] = b"550 no such user\r\n"
    async with (
        mail_relay(relay),
        running_server(
            tmp_path / "data",
            sweep=OFTEN,
            verdicts=NO_GRACE,
            notify=telling(authority, relay, retry_for=timedelta(milliseconds=1)),
        ) as running,
    ):
        declare(running)
        await failing_device(running)
        given_up = await until(running, DeliveryState.GIVEN_UP)

    assert relay.taken == []
    assert {"untrusted": "certificate", "wrong name": "certificate"}.get(
        trouble, "refused the address (550)"
    ) in given_up.error
    assert TO not in given_up.error


async def test_a_digest_comes_each_week_once(tmp_path: Path, authority: Authority) -> None:
    clock = MovableClock()
    relay = MailRelay(tls=authority.issue("localhost"))
    async with (
        mail_relay(relay),
        running_server(
            tmp_path / "data",
            now=clock,
            sweep=OFTEN,
            verdicts=NO_GRACE,
            notify=telling(authority, relay),
        ) as running,
    ):
        declare(running, language="en")
        await failing_device(running)
        await relay.holds(1)
        clock.ahead += timedelta(days=7)
        await relay.holds(2)
        clock.ahead += timedelta(days=31)
        await relay.holds(3)

    assert relay.subjects()[1:] == ["[Vigie] Les Tilleuls: the week"] * 2
    text = read(relay.taken[2][1], "plain")
    assert "Devices at risk: 1" in text
    assert "reports nothing any more" in text


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "hook").write_text(SECRET + "\n")
    return folder


async def test_a_webhook_gets_signed_json(
    tmp_path: Path, authority: Authority, secrets: Path
) -> None:
    receiver = HookReceiver(tls=authority.issue("localhost"), statuses=[500])
    async with hook_receiver(receiver):
        told = telling(authority, private_networks="127.0.0.0/8,::1/128", secrets=secrets)
        async with running_server(
            tmp_path / "data", sweep=OFTEN, verdicts=NO_GRACE, notify=told
        ) as running:
            address = f"https://localhost:{receiver.port}/hook?key=k1"
            declare(running, address, channel="webhook", secret="file:hook", language="en")
            await failing_device(running)
            await until(running, DeliveryState.WAITING)
            await receiver.heard(1)

    (target, headers, body) = receiver.requests[0]
    said = json.loads(body)
    assert target == "/hook?key=k1"
    assert headers["x-vigie-signature"] == signature(
        SECRET.encode(), headers["x-vigie-timestamp"], body
    )
    assert headers["x-vigie-notice"] == said["id"]
    assert (said["kind"], said["site"], said["language"]) == ("critical", SITE, "en")
    assert said["content"]["parts"][0]["of"] == RULE
    assert "Critical rule fails" in said["text"]


async def test_the_api_declares_tries_and_shows_without_keys(
    tmp_path: Path, authority: Authority
) -> None:
    relay = MailRelay(tls=authority.issue("localhost"))
    async with (
        mail_relay(relay),
        running_server(
            tmp_path / "data",
            notify=telling(authority, relay),
            http=HttpSettings(plain=True),
        ) as running,
    ):
        declare(running, "tous@tilleuls.fr", site="")  # there before
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        base = f"http://127.0.0.1:{running.addresses.http}/api/v1/notifications"
        async with plain_client(headers=headers) as client:
            hook = {"channel": "webhook", "address": "https://h.test/k3y", "secret": "file:hook"}
            made = await client.post(f"{base}/recipients", json={"site": SITE, **hook})
            wrong = await client.post(f"{base}/recipients", json={**hook, "secret": "k3y"})
            tried = await client.post(f"{base}/recipients/n1/test")
            await relay.holds(1)
            sent = await until(running, DeliveryState.SENT)
            listed = await client.get(f"{base}/recipients?limit=1")
            rest = await client.get(
                f"http://127.0.0.1:{running.addresses.http}{listed.json()['next']}"
            )
            told = await client.get(f"{base}/messages")
            gone = await client.delete(f"{base}/recipients/n1")

    assert (made.status_code, made.json()["address"]) == (201, "https://h.test/…")
    assert (wrong.status_code, "k3y" in wrong.text) == (422, False)
    assert (tried.status_code, tried.json()["id"]) == (202, sent.id)
    assert [held["id"] for page in (listed, rest) for held in page.json()["items"]] == ["n1", "n2"]
    assert "k3y" not in rest.text
    assert [(one["kind"], one["state"]) for one in told.json()["items"]] == [("test", "sent")]
    assert gone.status_code == 204


@pytest.mark.parametrize("trouble", ["private", "redirect", "untrusted", "silent", "no secret"])
async def test_a_webhook_is_not_led_astray(
    tmp_path: Path, authority: Authority, secrets: Path, trouble: str
) -> None:
    other = Authority.made_in(tmp_path / "other") if trouble == "untrusted" else authority
    statuses = [302] if trouble == "redirect" else []
    receiver = HookReceiver(
        tls=other.issue("localhost"), statuses=statuses, silent=trouble == "silent"
    )
    more: dict[str, Any] = {"secrets": secrets, "retry_for": timedelta(milliseconds=1)}
    if trouble != "private":
        more["private_networks"] = "127.0.0.0/8,::1/128"
    if trouble == "silent":
        more["webhook_within"] = timedelta(milliseconds=300)
    async with (
        hook_receiver(receiver),
        running_server(
            tmp_path / "data",
            sweep=OFTEN,
            verdicts=NO_GRACE,
            notify=telling(authority, **more),
        ) as running,
    ):
        reference = "file:absent" if trouble == "no secret" else "file:hook"
        address = f"https://localhost:{receiver.port}/secret-path"
        declare(running, address, channel="webhook", secret=reference)
        await failing_device(running)
        given_up = await until(running, DeliveryState.GIVEN_UP)

    why = {
        "private": "NOTIFY__PRIVATE_NETWORKS",
        "redirect": "answered 302",
        "untrusted": "certificate",
        "silent": "in time",
        "no secret": "the secret in absent",
    }
    assert why[trouble] in given_up.error
    assert "secret-path" not in given_up.error
    assert len(receiver.requests) == (1 if trouble == "redirect" else 0)
