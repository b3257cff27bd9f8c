"""One device whose every word is hostile, followed to each place that shows what it said.

It speaks over mTLS as an agent does; a real browser, the exports, the metrics' own tools and the
commands read it back. What it wrote may be shown, and may do nothing.
"""

import csv
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import async_playwright
from prometheus_client.parser import text_string_to_metric_families

from components import required_program
from fakes.hostile_device import (
    WATCH,
    acts,
    people_write_hostile_words,
    reports_hostile_words,
)
from fakes.plain_http import plain_client
from fakes.running_server import running_server
from fakes.scraping import scrape
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.settings import HttpSettings, VerdictSettings

RULE: Final = "Q06-firewall-enabled"
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula in a spreadsheet."""
SITE: Final = "Les Tilleuls"
INVENTORIES: Final = ("equipment", "software", "accounts")
OURS: Final = ("vigie_", "python_", "process_")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_hostile_device_is_text_wherever_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chromium, promtool = required_program("chromium"), required_program("promtool")
    catalogue = bundled_catalogue()
    async with running_server(
        tmp_path,
        catalogue=catalogue,
        site_guide=bundled_site_guide(catalogue),
        http=HttpSettings(plain=True),
        verdicts=VerdictSettings(grace=0),
    ) as running:
        device = await reports_hostile_words(running)
        base = f"http://127.0.0.1:{running.addresses.http}"
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        async with plain_client(base, headers=headers) as client:
            await people_write_hostile_words(client, SITE, device)

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"]
            )
            context = await browser.new_context(base_url=base, extra_http_headers=headers)
            page = await context.new_page()
            complaints: list[str] = []
            page.on("console", lambda told: complaints.append(told.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            dialogs: list[str] = []
            page.on("dialog", lambda dialog: dialogs.append(dialog.message))
            await page.add_init_script(WATCH)
            of_site = f"/console/sites/{SITE}"
            for path in (
                *("/console", "/console/devices", "/console/software", "/console/groups"),
                *("/console/people", "/console/tokens", "/console/audit", "/console/parameters"),
                *(f"/console/rules/{RULE}", of_site, f"{of_site}/declared", f"{of_site}/incidents"),
                *(f"{of_site}/attestations", f"{of_site}/waivers", f"{of_site}/mail"),
                *(f"/console/devices/{device}/card", f"/console/devices/{device}"),
            ):
                await page.goto(path)
                scripts = await page.locator("script").evaluate_all("all => all.map(s => s.src)")
                assert all(src.startswith(f"{base}/console/static/") for src in scripts), path
                assert await page.locator("[onerror], img[src=x]").count() == 0, path
                assert await page.evaluate("window.seen") == [], path
            text = await page.locator("body").inner_text()
            await browser.close()
        assert (dialogs, complaints) == ([], [])
        assert "<script>alert(1)</script>" in text

        async with plain_client(base, headers=headers) as client:

            async def read(path: str, kind: str) -> str:
                answer = await client.get(path, headers={"Accept": kind})
                assert answer.is_success, (path, answer.status_code, answer.text)
                return answer.text

            await look_at_files(read)
            metrics = await scrape(client, wanted=lambda page: "txt.exe" in page)
        families = {family.name for family in text_string_to_metric_families(metrics)}
        assert families
        assert not [name for name in families if not name.startswith(OURS)]
        checked = subprocess.run(  # noqa: ASYNC221
            [promtool, "check", "metrics"],
            input=metrics.encode(),
            capture_output=True,
            check=False,
        )
        assert checked.returncode in (0, 3), checked.stderr  # 3: style; 1: unreadable

        monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path))
        commands = (
            ("devices", "list"),
            ("devices", "show", device),
            ("rules", "explain", device, RULE),
        )
        for words in commands:
            said = subprocess.run(  # noqa: ASYNC221
                [Path(sys.executable).with_name("vigie-server"), *words],
                capture_output=True,
                text=True,
                check=True,
            )
            assert "txt.exe" in said.stdout, words
            assert acts(said.stdout + said.stderr) == [], words


async def look_at_files(read: Callable[[str, str], Awaitable[str]]) -> None:
    """Every list and export that spreadsheets and programs take."""
    for path in (
        "/api/v1/devices",
        "/api/v1/transitions",
        f"/api/v1/rules/{RULE}/verdicts",
        *("/api/v1/sites", "/api/v1/assets", "/api/v1/audit", "/api/v1/rules"),
    ):
        table = list(csv.reader(StringIO(await read(path, "text/csv"), newline="")))
        assert len(table) > 1
        assert {len(row) for row in table} == {len(table[0])}
        cells = [cell for row in table for cell in row]
        assert [cell for cell in cells if cell.startswith(FORMULAS)] == []
        lines = (await read(path, "application/x-ndjson")).strip().split("\n")
        assert len([json.loads(line) for line in lines]) == len(table) - 1
    for path in (
        *(f"/api/v1/sites/{SITE}/inventories/{what}.csv" for what in INVENTORIES),
        *("/api/v1/assets.csv", f"/api/v1/sites/{SITE}/incidents.csv"),
    ):
        whole = await read(path, "text/csv")
        assert "txt.exe" in whole, path
        said = whole.removeprefix("\ufeff")
        delimiter = ";" if ";" in said.partition("\n")[0] else ","
        table = list(csv.reader(StringIO(said, newline=""), delimiter=delimiter))
        assert {len(row) for row in table} == {len(table[0])}, path
        cells = [cell for row in table for cell in row]
        assert [cell for cell in cells if cell.startswith(FORMULAS)] == [], path
