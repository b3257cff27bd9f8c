"""A real browser before a running server. Chromium is Debian's; CI installs it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from fakes.browser import PASSWORD, app_code
from fakes.facility import Facility
from vigie_server.bootstrap.codes import invite
from vigie_server.ports.declaring import Act

NAME: Final = "Anaïs Durand"
PATIENCE_MS: Final = 20_000
"""How long the browser waits for what has to come; a loaded machine needs a part of it."""


def chromium() -> str:
    """Where the browser is; skips where there is none, save in CI."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("no chromium here")
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A Chromium, without a window."""
    expect.set_options(timeout=PATIENCE_MS)  # a context's own patience is not that of `expect`
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        try:
            yield browser
        finally:
            await browser.close()


def address(home: Facility) -> str:
    """Where the server's pages are."""
    return f"http://127.0.0.1:{home.running.addresses.http}"


async def visitor(browser: Browser, home: Facility, *, width: int = 1280) -> BrowserContext:
    """A browser of somebody; what its pages complain of fails the test."""
    context = await browser.new_context(
        base_url=address(home), locale="fr-FR", viewport={"width": width, "height": 900}
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


async def set_up(page: Page, home: Facility, *, code: str | None = None) -> None:
    """Sets an account up through the pages: by its code, or the first administrator's."""
    server = home.running.server
    first = code is None
    if code is None:
        code = invite(server.settings, server.database)(None, Act("test", home.clock()))
    await page.goto("/setup")
    await page.locator("input[name=code]").fill(code)
    await page.locator("button").click()
    if first:
        await page.locator("input[name=name]").fill(NAME)
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.locator("input[name=again]").fill(PASSWORD)
    await page.locator("button").click()
    secret = (await page.locator("code").first.inner_text()).replace(" ", "")
    await page.locator("input[name=app_code]").fill(app_code(secret, home.clock()))
    await page.locator("button").click()
