"""The pictures of dashboards in `deploy/grafana/README.md`: no screenshots of Grafana.

    PYTHONPATH=tests .venv/bin/python -m dashboard_pictures docs/pictures

has a real server and a real Prometheus watch the devices of `watched_fleet`, asks every query of
the dashboards, and draws the answers (`drawn_panels`) in Chromium.
"""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any, Final

from playwright.async_api import async_playwright

from drawn_panels import Series, page
from monitoring import answers, asked
from watched_fleet import Watched, watched_fleet

BOARDS: Final = ("fleet", "device", "protection", "server")
FOLDER: Final = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards" / "fr"
WATCHED_FOR: Final = 45.0
"""Seconds of lines: a picture of a minute, where a facility sees weeks."""
WIDE: Final = 1280
CAPTION: Final = (
    "Dessiné à partir des réponses d'un vrai Prometheus qui observe 29 équipements simulés "
    "depuis une minute. Ce n'est pas une capture d'écran de Grafana, qui présente les mêmes "
    "requêtes autrement."
)


async def draw(into: Path) -> None:
    """Writes one picture a dashboard."""
    with TemporaryDirectory(prefix="vigie-pictures-") as folder:
        async with watched_fleet(Path(folder)) as watched, async_playwright() as playwright:
            await asyncio.sleep(WATCHED_FOR)
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox"] if os.geteuid() == 0 else [],
            )
            for name in BOARDS:
                board = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
                drawn = page(board, await _answered(board, watched), CAPTION)
                tab = await browser.new_page(viewport={"width": WIDE, "height": 400})
                await tab.set_content(drawn)
                await tab.screenshot(path=into / f"dashboard-{name}.png", full_page=True)
            await browser.close()


async def _answered(board: Mapping[str, Any], watched: Watched) -> Mapping[tuple[str, str], Series]:
    """What Prometheus answers to each query of the dashboard, for all sites and groups."""
    now = time()
    values = {"device": watched.failing_device}
    found: dict[tuple[str, str], Series] = {}
    for panel in board["panels"]:
        for target in panel["targets"]:
            query = re.sub(
                r"\$\{?([a-z]+)\}?", lambda name: values.get(name[1], ".*"), target["expr"]
            )
            key = panel["title"], target["refId"]
            if target.get("range"):
                times = {"start": str(now - WATCHED_FOR), "end": str(now), "step": "1"}
                answer = await asked(watched.prometheus, "query_range", query=query, **times)
                found[key] = answer["result"]
            else:
                found[key] = await answers(watched.prometheus, query, now)
    return found


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
