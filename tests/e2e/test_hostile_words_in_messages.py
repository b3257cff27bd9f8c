"""What a hostile device said, in what leaves the server: reports, mails, webhooks, alerts.

Each is read back by what people read it with: a browser, a reader of PDF, a mail parser, amtool.
"""

import json
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import async_playwright
from pypdf import PdfReader

from components import required_program
from fakes.hook_receiver import HookReceiver, hook_receiver
from fakes.hostile_device import WATCH, acts, reports_hostile_words
from fakes.mail_relay import MailRelay, mail_relay
from fakes.mail_server import Authority
from fakes.plain_http import plain_client
from fakes.running_server import MovableClock, running_server
from fakes.scraping import scrape
from metric_pages import samples_of
from vigie_server.domain.notices.recipients import recipient_of
from vigie_server.domain.sites import Site
from vigie_server.ports.declaring import Act
from vigie_server.settings import HttpSettings, SweepSettings, VerdictSettings
from vigie_server.settings_messages import NotifySettings
from vigie_server.store.organisation import Organisation
from vigie_server.store.recipients import Recipients

KIT: Final = Path(__file__).parents[2] / "deploy" / "alertmanager" / "templates"
SITE: Final = "Les Tilleuls"
OFTEN: Final = timedelta(milliseconds=20)
SOON: Final = timedelta(hours=1)
"""When the digest is due: what the device said still stands by then."""
SHOWN: Final = "<script>alert(1)</script>"
"""Of the words, what all show: names are cut."""
OF_A_MAIL: Final = {
    *("html", "head", "meta", "title", "body", "h1", "h2", "ul", "li", "p", "hr"),
    *("strong", "br", "small"),
}
"""What our mails are made of, those of Alertmanager's templates too."""


class Tags(HTMLParser):
    """The tags of a page, and what it would load or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def amtool(kind: str, template: str, data: Path) -> str:
    return subprocess.run(
        [
            required_program("amtool"),
            *("template", "render", f"--template.glob={KIT}/*.tmpl", f"--template.type={kind}"),
            *(f'--template.text={{{{ template "{template}" . }}}}', f"--template.data={data}"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_hostile_words_are_text_in_all_that_leaves_the_server(tmp_path: Path) -> None:
    authority, clock = Authority.made_in(tmp_path / "authority"), MovableClock()
    relay = MailRelay(tls=authority.issue("localhost"))
    hook = HookReceiver(tls=authority.issue("localhost"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "hook").write_text("un secret long comme il faut\n")
    # An hour begins: the digest is due at a whole one, and the next must not come by itself.
    now = clock()
    clock.ahead = now.replace(minute=0, second=0, microsecond=0) - now
    due = clock() + SOON
    async with mail_relay(relay), hook_receiver(hook):
        telling = NotifySettings(
            every=OFTEN,
            gather=timedelta(0),
            digest_day=due.isoweekday(),
            digest_hour=due.hour,
            authorities=authority.pem,
            smtp_host="localhost",
            smtp_port=relay.port,
            smtp_from="v@vigie.test",
            private_networks="127.0.0.0/8,::1/128",
            secrets=tmp_path / "secrets",
        )
        async with running_server(
            tmp_path / "data",
            now=clock,
            http=HttpSettings(plain=True),
            sweep=SweepSettings(every=OFTEN, views_every=OFTEN),
            verdicts=VerdictSettings(grace=timedelta(0)),
            notify=telling,
        ) as running:
            act = Act("test", running.now())
            Organisation(running.server.database).put(Site(name=SITE), act)
            for channel, address, secret in (
                ("email", "dsi@tilleuls.fr", ""),
                ("webhook", f"https://localhost:{hook.port}/hook", "file:hook"),
            ):
                given = recipient_of(
                    site=SITE,
                    body="",
                    channel=channel,
                    address=address,
                    secret=secret,
                    language="fr",
                    critical=True,
                    digest=True,
                )
                Recipients(running.server.database).add(given, act)
            await reports_hostile_words(running)
            await relay.holds(1)
            await hook.heard(1)
            base = f"http://127.0.0.1:{running.addresses.http}"
            headers = {"Authorization": f"Bearer {running.api_token()}"}
            url = f"/api/v1/sites/{SITE}/report"
            async with plain_client(base, headers=headers, timeout=60) as client:
                pdf = await client.get(url)
                metrics = await scrape(client, wanted=lambda page: "vigie_device_info{" in page)
            seen, text = await in_a_browser(base, headers, f"{url}?format=html")
            clock.ahead += SOON
            await relay.holds(2)
            await hook.heard(2)

    assert (seen, SHOWN in text) == ([], True)
    assert pdf.headers["content-type"] == "application/pdf"
    look_at_pdf(pdf.content)
    for _, letter in relay.taken:
        plain, page = (letter.get_body((form,)) for form in ("plain", "html"))
        assert plain is not None
        assert page is not None
        said = plain.get_content().replace("\r\n", "\n")
        assert SHOWN in said
        assert acts(said + str(letter["Subject"])) == []
        assert (Tags(page.get_content()).tags - OF_A_MAIL) == set()
        assert not any(part.get_filename() for part in letter.walk())
    for _, _, body in hook.requests:
        assert body.count(b"\n") == 0
        told = json.loads(body)
        assert SHOWN in told["text"]
        assert acts(told["text"] + told["title"]) == []
    look_at_alert(metrics, tmp_path)


async def in_a_browser(base: str, headers: dict[str, str], path: str) -> tuple[list[Any], str]:
    """What a page did that it should not, and its text."""
    seen: list[Any] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=required_program("chromium"), args=["--no-sandbox"]
        )
        context = await browser.new_context(base_url=base, extra_http_headers=headers)
        page = await context.new_page()
        page.on("console", lambda told: seen.append(told.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("dialog", lambda dialog: seen.append(dialog.message))
        await page.add_init_script(WATCH)
        await page.goto(path)
        seen += await page.locator("script, img[src=x], [onerror]").all_inner_texts()
        seen += await page.evaluate("window.seen")
        text = await page.locator("body").inner_text()
        await browser.close()
    return seen, text


def look_at_pdf(content: bytes) -> None:
    """It says the words, and has nothing that runs or leads elsewhere."""
    document = PdfReader(BytesIO(content))
    text = "".join(page.extract_text() for page in document.pages)
    text = "".join(text.replace("\u200b", "").split())  # where a long word may break
    assert SHOWN in text
    assert '#panic("typst")' in text
    assert not {"/OpenAction", "/AA"} & document.root_object.keys()
    uris = [
        str(annotation.get_object().get("/A", {}).get("/URI", ""))
        for page in document.pages
        for annotation in page.get("/Annots", [])
    ]
    assert [uri for uri in uris if "evil" in uri] == []


def look_at_alert(metrics: str, folder: Path) -> None:
    """The words as Prometheus would hand them to Alertmanager, in the messages as shipped."""
    (name,) = {
        dict(labels)["hostname"]
        for name, labels in samples_of(metrics)
        if name == "vigie_device_info"
    }
    labels = {"alertname": "VigieFirewallOff", "severity": "critical", "site": SITE}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{name} : pare-feu", "description": name, "runbook_url": "r"},
        "startsAt": "2026-03-01T09:30:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    data = folder / "alert.json"
    told = {"status": "firing", "alerts": [alert], "commonLabels": labels, "groupLabels": labels}
    data.write_text(json.dumps(told | {"externalURL": "http://am.test"}))

    subject = amtool("text", "vigie.fr.objet", data).strip("\n")
    text = amtool("text", "vigie.fr.texte", data)
    page = Tags(amtool("html", "vigie.fr.html", data))

    assert "txt.exe" in subject
    assert "\n" not in subject
    assert acts(subject + text) == []
    assert len([line for line in text.splitlines() if "txt.exe" in line]) == 2
    assert page.tags - OF_A_MAIL == set()
    assert page.attributes <= {"lang", "charset", "style"}
