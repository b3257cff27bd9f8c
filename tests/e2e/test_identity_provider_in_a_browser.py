"""The way to the identity provider and back in a real browser, which applies our policies.

What the pages' `Content-Security-Policy` forbids the browser says on its console.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from components import required_program
from fakes.chromium import PATIENCE_MS
from fakes.identity_provider import CLIENT, identity_provider
from fakes.running_server import running_server
from ports import free_ports
from vigie_server.clock import utc_now
from vigie_server.settings import HttpSettings, Listen
from vigie_server.settings_oidc import OidcSettings

NAME = "Anaïs Durand"


async def faults_of(page: Page) -> list[str]:
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [fault["id"] for fault in found.response["violations"]]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_person_goes_to_the_provider_comes_back_and_signs_out_of_both(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)  # the provider knows our address before we listen
    origin = f"http://127.0.0.1:{port}"
    with identity_provider(tmp_path, utc_now) as provider:
        oidc = OidcSettings.model_validate(
            {
                "issuer": provider.issuer,
                "client_id": CLIENT,
                "client_secret_file": provider.secret_file,
                "authorities": provider.authorities,
                "grants": [{"claim": "groups", "value": "vigie", "role": "admin"}],
            }
        )
        provider.claims = {"preferred_username": NAME, "groups": []}
        listen = Listen(telemetry="127.0.0.1:0", enrolment="127.0.0.1:0", http=f"127.0.0.1:{port}")
        http = HttpSettings(plain=True, origin=origin)
        async with (
            running_server(tmp_path / "data", listen=listen, http=http, oidc=oidc),
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(
                executable_path=required_program("chromium"),
                args=["--no-sandbox"] if os.geteuid() == 0 else [],
            )
            context = await browser.new_context(
                base_url=origin, locale="fr-FR", ignore_https_errors=True
            )
            context.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            page = await context.new_page()
            complaints: list[str] = []
            elsewhere: list[tuple[str, str]] = []
            page.on("console", lambda told: complaints.append(told.text))
            page.on(
                "request",
                lambda asked: (
                    elsewhere.append((asked.resource_type, urlsplit(asked.url).path))
                    if not asked.url.startswith(origin)
                    else None
                ),
            )

            await page.goto("/console/audit")
            link = page.get_by_role("link", name="Se connecter avec le compte de l'organisme")
            assert await faults_of(page) == []
            await link.click()
            await expect(page.get_by_role("alert")).to_contain_text("vous n'avez aucun droit")
            assert await faults_of(page) == []

            provider.claims["groups"] = ["vigie"]
            await page.goto("/console/audit")
            await link.click()
            await expect(page.get_by_role("heading", level=1)).to_contain_text("Journal d'audit")
            await expect(page.get_by_text(NAME).first).to_be_visible()

            await page.get_by_role("button", name="Se déconnecter").click()
            await expect(link).to_be_visible()
            assert [path for path in provider.asked if path.endswith("/logout")] != []
            assert urlsplit(page.url).path == "/sign-in"
            await page.goto("/console/audit")
            await expect(link).to_be_visible()

            ways = ["/realms/soins/auth", "/realms/soins/auth", "/realms/soins/logout"]
            assert elsewhere == [("document", path) for path in ways]
            assert [told for told in complaints if "Failed to load" not in told] == []
            await browser.close()
