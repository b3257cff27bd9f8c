"""Scrapes of a running server as Prometheus makes them: one that cannot be answered comes again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx2

from fakes.plain_http import plain_client
from fakes.running_server import RunningServer
from fakes.secure_http import secure_client
from metric_pages import samples_of
from vigie_server.ports.tokens import Role

LOOK = 0.02
"""Seconds between two scrapes."""


async def scrape(
    client: httpx2.AsyncClient,
    path: str = "/metrics",
    wanted: Callable[[str], bool] = lambda _: True,
    headers: Mapping[str, str] | None = None,
) -> str:
    """The first page that is as wanted; the test's own time limit ends a vain wait.

    A server that has just started is still reading its devices and answers 503: it is asked again.
    What a page shows follows what is stored by a moment: a test says what it wants to see. Raises
    AssertionError for any other answer.
    """
    while True:
        answer = await client.get(path, headers=headers)
        if answer.status_code == HTTPStatus.OK:
            if wanted(answer.text):
                return answer.text
        else:
            told = f"{path}: {answer.status_code} {answer.text}"
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, told
        await asyncio.sleep(LOOK)


@asynccontextmanager
async def scraper(
    running: RunningServer, token: str | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the server with this token, or a new one of a scraper."""
    settings = running.server.settings
    headers = {"Authorization": f"Bearer {token or running.api_token(Role.SCRAPE)}"}
    if settings.http.plain:
        client = plain_client(f"http://127.0.0.1:{running.addresses.http}", headers=headers)
    else:
        url = f"https://localhost:{running.addresses.http}"
        client = secure_client(settings.data / "ca" / "https.crt", url, headers=headers)
    async with client:
        yield client


async def scraped(
    running: RunningServer,
    path: str = "/metrics",
    wanted: Callable[[str], bool] = lambda _: True,
    token: str | None = None,
) -> str:
    """The first page of the server that is as wanted, as `scrape` gives it."""
    async with scraper(running, token) as client:
        return await scrape(client, path, wanted)


def values_of(page: str, name: str, **labels: str) -> Sequence[float]:
    """The values of a metric whose labels have these among them."""
    return [
        value
        for (known, its), value in samples_of(page).items()
        if known == name and labels.items() <= set(its)
    ]
