"""The console in a real browser: from the first start to a contractor, who sees its site alone."""

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Final
from unicodedata import normalize

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect
from pypdf import PdfReader

from fakes.browser import PASSWORD
from fakes.chromium import address, browsing, set_up, visitor
from fakes.facility import SITE, Facility, facility
from fakes.plain_http import plain_client
from vigie_server.clock import utc_now
from vigie_server.domain.personal import HIDDEN, REASON

OTHER: Final = "Les Lilas"
ON_PAPER: Final = (
    SITE,
    "Connaissez-vous suffisamment votre parc informatique",
    "Maîtrisez-vous les risques numériques liés à vos relations avec des tiers",
    "Comment cela a été mesuré",
)
"""What a report holds from its first page to its last."""
FAILING: Final = ("windows", "neglected")
WIDTHS: Final = (360, 1280)
GRAVE: Final = {"critical", "serious"}


async def grave_of(page: Page) -> list[str]:
    """What axe finds that keeps people out, and what is wider than the page."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    faults = [
        f"{page.url}: {fault['id']} {[node['target'] for node in fault['nodes'][:3]]}"
        for fault in found.response["violations"]
        if fault["impact"] in GRAVE
    ]
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return faults + ([f"{page.url}: {wider} pixels too wide"] if wider > 0 else [])


async def makes_an_enrolment_token(page: Page) -> str:
    """The command to copy, for who has just begun."""
    await page.get_by_role("link", name="Créer un jeton d'enrôlement").click()
    await page.get_by_label("Établissement").fill(SITE)
    await page.get_by_label("Nombre d'équipements").fill("2")
    await page.get_by_role("button", name="Créer le jeton").click()
    return await page.locator("#to-copy").inner_text()


async def attests(page: Page) -> None:
    await page.goto(f"/console/sites/{SITE}/attestations")
    await page.get_by_label("Ce qui est attesté").select_option("Q02-restore-test")
    await page.get_by_label("fait", exact=True).check()
    await page.get_by_label("Attesté par").fill("C. Direction")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("L'attestation est enregistrée.")).to_be_visible()


async def waives(page: Page, rule: Locator) -> None:
    """The author cannot approve; what was typed is still there for somebody else."""
    await rule.get_by_text("Accorder une dérogation…").click()
    await rule.get_by_label("Motif").fill("remplacé en mars")
    await rule.get_by_label("Demandée par").fill("A. Martin")
    await rule.get_by_label("Approuvée par").fill("a. martin")
    until = utc_now().replace(day=1, month=1, year=utc_now().year + 1)
    await rule.get_by_label("Prend fin le").fill(f"{until:%Y-%m-%d}")
    await rule.get_by_role("button", name="Accorder la dérogation").click()
    await expect(page.get_by_role("alert")).to_contain_text("Une autre personne")
    await expect(rule.get_by_label("Motif")).to_have_value("remplacé en mars")
    await rule.get_by_label("Approuvée par").fill("C. Durand")
    await rule.get_by_role("button", name="Accorder la dérogation").click()
    await expect(page.get_by_text("La dérogation est accordée.")).to_be_visible()


async def makes_a_contractors_token(page: Page) -> str:
    await page.goto("/console/tokens")
    await page.get_by_label("Nom", exact=True).fill("Prestataire")
    await page.get_by_label("Établissements").fill(SITE)
    await page.get_by_role("button", name="Créer le jeton").click()
    return await page.locator("#to-copy").inner_text()


async def prints_the_report(page: Page) -> None:
    """The PDF that is handed to the director, and the page of it on a printer's paper."""
    await page.goto(f"/console/sites/{SITE}")
    report = await page.get_by_role("link", name="Rapport").get_attribute("href")
    pdf = await (await page.request.get(str(report))).body()
    await page.goto(f"/api/v1/sites/{SITE}/report?format=html&language=fr")
    for made in (pdf, await page.pdf(format="A4")):
        sheets = PdfReader(BytesIO(made)).pages
        told = bare(" ".join(sheet.extract_text() for sheet in sheets))
        assert [title for title in ON_PAPER if bare(title) not in told] == []


def bare(text: str) -> str:
    """The letters alone: paper breaks lines, joins letters and hyphenates in its own way."""
    return "".join(letter for letter in normalize("NFKD", text) if letter.isalnum())


async def invites_a_contractor(page: Page) -> str:
    """Its setup code; the form asks for sites and an end, beside each field."""
    await page.goto("/console/people")
    await page.get_by_label("Nom du compte").fill("Informatique ACME")
    await page.get_by_label("Rôle").select_option("contractor")
    await page.get_by_role("button", name="Inviter").click()
    await expect(page.locator("#sites-fault")).to_contain_text("nommez-les")
    await page.get_by_label("Établissements").fill(SITE)
    await page.get_by_role("button", name="Inviter").click()
    await expect(page.locator("#expires-fault")).to_contain_text("douze mois")
    await page.get_by_label("Expire le").fill(f"{utc_now() + timedelta(days=90):%Y-%m-%d}")
    await page.get_by_role("button", name="Inviter").click()
    return await page.locator("#to-copy").inner_text()


async def people_on(page: Page) -> set[str]:
    """The accounts of people that a device's page names, by what Windows knows them by."""
    return set(re.findall(r"S-1-5-21-[0-9-]+", await page.content()))


async def sees_its_site_without_names(page: Page, device: str) -> None:
    """A contractor who has signed in: its site and nothing beside it, and nobody's name."""
    await page.goto(device)
    await expect(page.get_by_text(REASON["fr"]).first).to_be_attached()
    assert HIDDEN in await page.locator("td").all_text_contents()
    assert await people_on(page) == set()
    assert await page.locator("main form[method=post]").count() == 0
    for path, title in (
        (f"/console/sites/{SITE}", SITE),
        (f"/console/sites/{OTHER}", "Introuvable"),
        ("/console/people", "Vous n'avez pas le droit de faire cela"),
        ("/console/questions", "Vous n'avez pas le droit de faire cela"),
    ):
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await page.goto("/console")
    await expect(page.locator("main")).not_to_contain_text(OTHER)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_from_the_first_start_to_a_contractors_refused_token(tmp_path: Path) -> None:
    async with facility(tmp_path) as home, browsing() as browser:
        page = await (await visitor(browser, home)).new_page()
        await set_up(page, home)
        complaints: list[str] = []
        page.on("console", lambda told: complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        await page.goto("/")
        await expect(page.get_by_role("heading", name="Par où commencer")).to_be_visible()
        assert await grave_of(page) == []

        command = await makes_an_enrolment_token(page)
        assert command.startswith("vigie-agent enroll vigie1.")
        await home.enrol([FAILING])

        await page.get_by_role("link", name="Voir les équipements arriver").click()
        await page.locator("#results th[scope=row] a").first.click()
        device = page.url
        fail = page.locator("details[open]").filter(has_text="non conforme").first
        rule = await fail.get_attribute("id")
        await expect(fail.get_by_role("heading", name="Que faire")).to_be_visible()

        forged = await page.request.post(
            f"{device}/retire", form={}, headers={"Origin": address(home)}
        )
        assert forged.status == 403

        assert await people_on(page)
        await attests(page)
        await page.goto(f"{device}#{rule}")
        await waives(page, page.locator(f"[id='{rule}']"))

        token = await makes_a_contractors_token(page)
        assert await reads(home, token) == 200
        row = page.get_by_role("row").filter(has_text="Prestataire")
        await row.get_by_role("button", name="Révoquer").click()
        await expect(page.get_by_text("Le jeton est révoqué.")).to_be_visible()
        assert await reads(home, token) == 401

        await prints_the_report(page)
        await home.asks("PUT", f"/api/v1/sites/{OTHER}", json={})
        code = await invites_a_contractor(page)
        contractor = await (await visitor(browser, home)).new_page()
        await set_up(contractor, home, code=code)
        await sees_its_site_without_names(contractor, device)
        assert [told for told in complaints if "422" not in told] == []  # forms that were refused

        await page.get_by_role("button", name="Se déconnecter").click()
        await page.wait_for_url("**/sign-in**")  # to go on at once may break the request off
        await page.goto("/console/devices")
        assert "/sign-in" in page.url


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_page_is_open_to_all_at_both_widths_and_by_keyboard(tmp_path: Path) -> None:
    async with facility(tmp_path) as home, browsing() as browser:
        await home.enrol([FAILING, ("linux", "compliant")])
        await home.of_site(
            "/incidents", "POST", json={"person": "Accueil", "text": "Poste chiffré"}
        )
        device = next(iter((await home.ids()).values()))
        context = await visitor(browser, home)
        page = await context.new_page()
        await set_up(page, home)
        faults = []
        for path in (
            "/console",
            f"/console/sites/{SITE}",
            f"/console/sites/{SITE}/declared",
            f"/console/sites/{SITE}/told",
            f"/console/sites/{SITE}/attestations",
            f"/console/sites/{SITE}/waivers",
            f"/console/sites/{SITE}/incidents",
            f"/console/sites/{SITE}/mail",
            f"/console/devices/{device}/card",
            "/console/cards",
            "/console/devices",
            f"/console/devices/{device}",
            "/console/software",
            "/console/software/devices?platform=windows&product=Mozilla+Firefox",
            "/console/rules",
            "/console/rules/Q06-firewall-enabled",
            "/console/groups",
            "/console/groups/edit",
            "/console/parameters",
            f"/console/parameters/of?scope=site&of={SITE}",
            f"/console/parameters/set?scope=site&of={SITE}&rule=Q05-min-length&name=min_length",
            "/console/questions",
            f"/console/questions/ask?question=application-version&site={SITE}",
            "/console/enrolment",
            "/console/people",
            "/console/tokens",
            "/console/audit",
            "/console/devices/nobody",
        ):
            await page.goto(path)
            await expect(page.locator("h1")).to_have_count(1)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                faults += await grave_of(page)
        await page.goto(f"/console/sites/{SITE}/incidents")
        await expect(page.get_by_text("1 entrée, aucune modifiée ni retirée.")).to_be_visible()
        await page.emulate_media(color_scheme="dark")
        await page.goto(f"/console/devices/{device}")
        faults += await grave_of(page)
        assert faults == []

        await page.goto("/console/devices")
        told = "getComputedStyle(document.querySelector('tbody td'), '::before').content"
        assert await page.evaluate(told) == "none"
        await page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        assert await page.evaluate(told) == '"Échecs"'

        await page.goto("/console/devices")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.get_by_label("Début du nom").fill("nothing-begins-so")
        await expect(page.locator("#results")).to_contain_text("Rien ne correspond")
        await page.wait_for_url("**hostname=nothing-begins-so**")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_browser_without_script_reads_and_filters(tmp_path: Path) -> None:
    async with facility(tmp_path) as home, browsing() as browser:
        await home.enrol([FAILING])
        (name,) = await home.ids()
        context = await browser.new_context(
            base_url=address(home), locale="fr-FR", java_script_enabled=False
        )
        page = await context.new_page()
        await set_up(page, home)

        await page.goto("/console/devices")
        await page.get_by_label("Début du nom").fill(name[:3])
        await page.get_by_role("button", name="Filtrer").click()
        await expect(page.locator("#results")).to_contain_text(name)
        await page.get_by_label("Début du nom").fill("nothing-begins-so")
        await page.get_by_role("button", name="Filtrer").click()
        await expect(page.locator("#results")).to_contain_text("Rien ne correspond")


async def reads(home: Facility, token: str) -> int:
    """How the API answers who holds this token."""
    async with plain_client(address(home)) as client:
        answer = await client.get("/api/v1/devices", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("width", WIDTHS)
async def test_the_page_of_ones_own_account_serves_everybody(tmp_path: Path, width: int) -> None:
    async with facility(tmp_path) as home, browsing() as browser:
        page = await (await visitor(browser, home, width=width)).new_page()
        await set_up(page, home)
        await page.goto("/account")
        await expect(page.get_by_text("(ce navigateur)")).to_be_visible()
        assert await grave_of(page) == []

        for label, typed in (
            ("Mot de passe actuel", PASSWORD),
            ("Nouveau mot de passe", "sept hiboux lisent encore"),
            ("Le même mot de passe", "sept hiboux lisent encore"),
        ):
            await page.get_by_label(label).fill(typed)
        await page.get_by_role("button", name="Changer le mot de passe").click()

        await expect(page.get_by_role("status")).to_contain_text("Le mot de passe est changé")
        assert await grave_of(page) == []
