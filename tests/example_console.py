"""The pictures of `docs/console.md`: a facility of two months, its pages wide and narrow.

    PYTHONPATH=tests .venv/bin/python -m example_console FOLDER

writes every page of `PAGES` whole at both widths, as `<name>-<width>.png`, and what a screen shows
of both side by side, as `<name>.webp`: these are the documentation's. The first page is that of a
body with several sites. Names and people are made up.
"""

import asyncio
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from fastapi.testclient import TestClient
from playwright.async_api import Browser, Page, Route
from sqlalchemy import text

from example_report import lived
from fakes.browser import PASSWORD, app_code
from fakes.callers import Callers
from fakes.chromium import browsing, set_up, visitor
from fakes.console import console_over
from fakes.facility import SITE, Facility, facility
from fakes.grown import grown_store
from vigie_server.bootstrap.codes import invite
from vigie_server.clock import utc_now
from vigie_server.domain.asking import Outcome
from vigie_server.ports.asking import GivenAnswer
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import Accounts
from vigie_server.store.questions import Questions

WIDTHS: Final = (360, 1280)
HEIGHT: Final = 900
QUALITY: Final = 0.4
SIDE_BY_SIDE: Final = """async ([first, second, quality]) => {
  const pictures = await Promise.all([first, second].map(async (content) => {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    return createImageBitmap(new Blob([bytes], { type: "image/png" }));
  }));
  const canvas = new OffscreenCanvas(
    pictures[0].width + pictures[1].width + 16, Math.max(...pictures.map((one) => one.height)),
  );
  const drawn = canvas.getContext("2d");
  drawn.fillStyle = "#888";
  drawn.fillRect(0, 0, canvas.width, canvas.height);
  drawn.drawImage(pictures[0], 0, 0);
  drawn.drawImage(pictures[1], pictures[0].width + 16, 0);
  const written = await canvas.convertToBlob({ type: "image/webp", quality });
  const bytes = new Uint8Array(await written.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
"""Two pictures in one, as WebP: the browser writes it, and it takes a third of what PNG does."""
NEGLECTED: Final = 5
"""The number of a device that fails much."""
PARAMETER: Final = f"scope=site&of={SITE}&rule=Q05-min-length&name=min_length"
PAGES: Final[Mapping[str, str]] = {
    "site": f"/console/sites/{SITE}",
    "declared": f"/console/sites/{SITE}/declared",
    "attestations": f"/console/sites/{SITE}/attestations",
    "waivers": f"/console/sites/{SITE}/waivers",
    "incidents": f"/console/sites/{SITE}/incidents",
    "mail": f"/console/sites/{SITE}/mail",
    "devices": "/console/devices",
    "rules": "/console/rules",
    "software": "/console/software",
    "groups": "/console/groups",
    "group": "/console/groups/edit?name=accueil",
    "parameters": "/console/parameters",
    "parameters-of": f"/console/parameters/of?scope=site&of={SITE}",
    "parameter": f"/console/parameters/set?{PARAMETER}",
    "cards": "/console/cards",
    "enrolment": "/console/enrolment",
    "tokens": "/console/tokens",
    "people": "/console/people",
    "audit": "/console/audit",
    "questions": "/console/questions",
    "ask": f"/console/questions/ask?question=application-version&site={SITE}",
}


OF_A_YEAR: Final[Mapping[str, str]] = {
    "sites": "/console",
    "rule": "/console/rules/Q05-min-length",
}
"""Pages of a store as a year leaves it."""

EMPTY: Final[Mapping[str, str]] = {
    "newcomer": "/console",
    "newcomer-devices": "/console/devices",
    "newcomer-rules": "/console/rules",
    "newcomer-enrolment": "/console/enrolment",
    "account": "/account",
}
"""Pages of a server that has just been set up."""


async def kept(site: Facility) -> str:
    """What the team has declared and asked beside; gives the question's page."""
    await site.asks("PUT", "/api/v1/groups/accueil", json={"selector": {"hostname": ["ACC*"]}})
    await site.set("Q05-min-length", "min_length", 14)
    await site.of_site("/mail/les-tilleuls.example", "PUT", json={"selectors": ["s1"]})
    asked = await site.asks(
        "POST",
        "/api/v1/questions",
        json={
            "question": "application-version",
            "parameters": {"name": "firefox"},
            "purpose": "faille annoncée le matin",
            "site": SITE,
        },
    )
    now = site.clock()
    database = site.running.server.database
    with database.reading() as connection:
        keys = connection.execute(text("SELECT key FROM device ORDER BY key LIMIT 7")).scalars()
        Questions(database).answer(
            [
                GivenAnswer(
                    asked["id"],
                    key,
                    Outcome.OK,
                    "",
                    ("name", "version"),
                    (("Mozilla Firefox ESR (x64 fr)", "140.5.0"),),
                    now,
                )
                for key in keys.all()
            ]
        )
    for name, role, sites, days in (
        ("Marc Ledoux", Role.OPERATOR, None, None),
        ("Informatique ACME", Role.CONTRACTOR, frozenset({SITE}), 180),
    ):
        Accounts(database).add(
            Account(
                id=f"{role}",
                name=name,
                role=role,
                sites=sites,
                language="fr",
                state=AccountState.INVITED,
                created_at=now,
                expires_at=None if days is None else now + timedelta(days=days),
            ),
            Act("example", now),
        )
    return f"/console/questions/of/{asked['id']}"


async def sites_taken(browser: Browser, client: TestClient, folder: Path) -> None:
    """What takes many sites or a year to show; pages come from this process."""

    async def answer(route: Route) -> None:
        found = client.get(urlsplit(route.request.url).path)
        await route.fulfill(
            status=found.status_code, headers=dict(found.headers), body=found.content
        )

    page = await (await browser.new_context(locale="fr-FR")).new_page()
    await page.route("**/*", answer)
    for name, path in OF_A_YEAR.items():
        await page.goto(f"http://vigie.example{path}")
        await taken(page, folder, name)


async def first_steps_taken(browser: Browser, site: Facility, folder: Path) -> None:
    """What the first administrator meets: the setup, step by step, and a console with nothing."""
    server = site.running.server
    code = invite(server.settings, server.database)(None, Act("example", site.clock()))
    page = await (await visitor(browser, site)).new_page()
    await page.goto("/setup")
    await page.locator("input[name=code]").fill("ABCD-EFGH")
    await page.locator("button").click()
    await taken(page, folder, "setup-refused")
    await page.locator("input[name=code]").fill(code)
    await page.locator("button").click()
    await page.locator("input[name=name]").fill("Claire Morel")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.locator("input[name=again]").fill(f"{PASSWORD} ?")
    await page.locator("button").click()
    await taken(page, folder, "setup-password")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.locator("input[name=again]").fill(PASSWORD)
    await page.locator("button").click()
    await taken(page, folder, "setup-app")
    secret = (await page.locator("code").first.inner_text()).replace(" ", "")
    await page.locator("input[name=app_code]").fill(app_code(secret, site.clock()))
    await page.locator("button").click()
    await taken(page, folder, "recovery-codes")
    for name, path in EMPTY.items():
        await page.goto(path)
        await taken(page, folder, name)
    await page.goto(EMPTY["newcomer-enrolment"])
    await page.get_by_label("Établissement").fill(SITE)
    await page.get_by_label("Nombre d'équipements").fill("12")
    await page.get_by_role("button", name="Créer le jeton").click()
    await taken(page, folder, "first-command")
    await page.context.close()


async def taken(page: Page, folder: Path, name: str) -> None:
    """The page as it stands, at both widths."""
    seen = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        await page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        seen.append(b64encode(await page.screenshot()).decode())
    blank = await page.context.new_page()
    written = await blank.evaluate(SIDE_BY_SIDE, [*reversed(seen), QUALITY])
    (folder / f"{name}.webp").write_bytes(b64decode(written))
    await blank.close()


async def main(folder: Path, grown: TestClient) -> None:
    """Lives and takes the pictures."""
    with TemporaryDirectory() as data:
        async with facility(Path(data)) as site, browsing() as browser:
            await sites_taken(browser, grown, folder)
            await first_steps_taken(browser, site, folder)
            await lived(site)
            pages = dict(PAGES) | {"question": await kept(site)}
            device = (await site.ids())[list(site.devices)[NEGLECTED]]
            pages |= {
                "device": f"/console/devices/{device}",
                "card": f"/console/devices/{device}/card",
            }
            page = await (await visitor(browser, site)).new_page()
            await page.goto("/sign-in")
            await taken(page, folder, "sign-in")
            await set_up(page, site)
            for name, path in pages.items():
                await page.goto(path)
                await taken(page, folder, name)
            await page.goto(PAGES["parameter"])
            await page.get_by_role("textbox", name="Valeur").fill("20")
            await page.get_by_label("Motif").fill("recommandation de l'ANSSI")
            await page.get_by_role("button", name="Voir ce qui changerait").click()
            await taken(page, folder, "parameter-ahead")
            await page.goto(PAGES["attestations"])
            await page.get_by_label("Ce qui est attesté").select_option("Q02-backup-frequency")
            await page.get_by_label("fait", exact=True).check()
            await page.get_by_label("Attesté par").fill("Anaïs Durand")
            await page.get_by_role("button", name="Enregistrer").click()
            await taken(page, folder, "refused")
            await page.goto(PAGES["people"])
            await page.get_by_label("Nom du compte").fill("Léa Petit")
            await page.get_by_role("button", name="Inviter").click()
            await taken(page, folder, "people-invited")
            await page.get_by_role("link", name="Informatique ACME").click()
            await taken(page, folder, "person")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as kept_in, grown_store("sqlite", Path(kept_in)) as opened:
        headers = Callers(opened, utc_now())(Role.ADMIN)
        asyncio.run(main(where, TestClient(console_over(opened), headers=headers)))
