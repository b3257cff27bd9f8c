"""The pictures of `docs/console.md`: a facility of two months, its pages wide and narrow.

    PYTHONPATH=tests .venv/bin/python -m example_console FOLDER

writes every page of `PAGES` whole at both widths, as `<name>-<width>.png`, and of those in `SHOWN`
the part that a screen shows, as `<name>.png`: these are the documentation's. The first page is that
of a body with several sites. Names and people are made up.
"""

import asyncio
import sys
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
from fakes.callers import Callers
from fakes.chromium import browsing, set_up, visitor
from fakes.console import console_over
from fakes.facility import SITE, Facility, facility
from fakes.grown import grown_store
from vigie_server.clock import utc_now
from vigie_server.domain.asking import Outcome
from vigie_server.ports.asking import GivenAnswer
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.store.accounts import Accounts
from vigie_server.store.questions import Questions

WIDTHS: Final = (360, 1280)
SHOWN: Final = {"sites", "device", "software", "parameter-ahead", "question"}
HEIGHT: Final = 900
NEGLECTED: Final = 5
"""The number of a device that fails much."""
PARAMETER: Final = f"scope=site&of={SITE}&rule=Q05-min-length&name=min_length"
PAGES: Final[Mapping[str, str]] = {
    "site": f"/console/sites/{SITE}",
    "mail": f"/console/sites/{SITE}/mail",
    "devices": "/console/devices",
    "software": "/console/software",
    "groups": "/console/groups",
    "group": "/console/groups/edit?name=accueil",
    "parameters": "/console/parameters",
    "parameters-of": f"/console/parameters/of?scope=site&of={SITE}",
    "parameter": f"/console/parameters/set?{PARAMETER}",
    "cards": "/console/cards",
    "people": "/console/people",
    "questions": "/console/questions",
    "ask": f"/console/questions/ask?question=application-version&site={SITE}",
}


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
    """The first page, over a store as a year leaves it; pages come from this process."""

    async def answer(route: Route) -> None:
        found = client.get(urlsplit(route.request.url).path)
        await route.fulfill(
            status=found.status_code, headers=dict(found.headers), body=found.content
        )

    page = await (await browser.new_context(locale="fr-FR")).new_page()
    await page.route("**/*", answer)
    await page.goto("http://vigie.example/console")
    await taken(page, folder, "sites")


async def taken(page: Page, folder: Path, name: str) -> None:
    """The page as it stands, at both widths."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        await page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
    if name in SHOWN:
        await page.set_viewport_size({"width": 1280, "height": HEIGHT})
        await page.screenshot(path=folder / f"{name}.png")


async def main(folder: Path, grown: TestClient) -> None:
    """Lives and takes the pictures."""
    with TemporaryDirectory() as data:
        async with facility(Path(data)) as site, browsing() as browser:
            await sites_taken(browser, grown, folder)
            await lived(site)
            pages = dict(PAGES) | {"question": await kept(site)}
            device = (await site.ids())[list(site.devices)[NEGLECTED]]
            pages |= {
                "device": f"/console/devices/{device}",
                "card": f"/console/devices/{device}/card",
            }
            page = await (await visitor(browser, site)).new_page()
            await set_up(page, site)
            for name, path in pages.items():
                await page.goto(path)
                await taken(page, folder, name)
            await page.goto(PAGES["parameter"])
            await page.get_by_role("textbox", name="Valeur").fill("20")
            await page.get_by_label("Motif").fill("recommandation de l'ANSSI")
            await page.get_by_role("button", name="Voir ce qui changerait").click()
            await taken(page, folder, "parameter-ahead")
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
