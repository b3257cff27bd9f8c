"""`/metrics`: all of it, or the fleet and the server's own figures apart.

With several replicas the fleet is scraped through one address (`/metrics/fleet`), since each of
them shows all of it, and each replica's own figures on itself (`/metrics/server`).
"""

import gzip
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response, StreamingResponse
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.concurrency import run_in_threadpool

from vigie_server.domain.errors import NotFound
from vigie_server.ports.readers import FleetReader
from vigie_server.ports.scraping import FleetMetrics, Scrape, TextFormat
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import SCRAPERS, Access, require_site
from vigie_server.web.negotiation import CONTENT_TYPES, takes_gzip, text_format

ENDS: Final = {TextFormat.CLASSIC: b"", TextFormat.OPENMETRICS: b"# EOF\n"}


def metrics_router(
    access: Access, *, fleet: FleetMetrics, own: CollectorRegistry, reader: FleetReader
) -> APIRouter:
    """The routes of metrics. They run on the event loop and hold it for moments only."""
    router = APIRouter(include_in_schema=False)
    scrapes = Counter(
        "vigie_scrapes",
        "Scrapes by text format and encoding, as scrapers asked for them.",
        ["format", "encoding"],
        registry=own,
    )
    Scraper = Annotated[ApiCaller, Depends(access.allow(SCRAPERS))]  # noqa: N806 (a type)
    Sites = Annotated[list[str], Query(alias="site", default_factory=list)]  # noqa: N806 (a type)

    async def wanted(request: Request, caller: ApiCaller, sites: Sequence[str]) -> Scrape:
        """Raises NotFound for a site that does not exist, or is outside the token's scope."""
        for site in sites:
            require_site(caller, site)
            if not fleet.knows(site) and not await run_in_threadpool(reader.site_exists, site):
                raise NotFound(f"no site {site}")
        scrape = Scrape(
            text_format=text_format(request.headers.get("accept", "")),
            gzip=takes_gzip(request.headers.get("accept-encoding", "")),
            sites=frozenset(sites) if sites else caller.sites,
        )
        scrapes.labels(scrape.text_format.value, "gzip" if scrape.gzip else "identity").inc()
        return scrape

    async def answer(scrape: Scrape, before: bytes = b"") -> Response:
        parts = await fleet(scrape, before=before, after=ENDS[scrape.text_format])
        return StreamingResponse(parts, headers=_headers(scrape))

    @router.get("/metrics")
    async def everything(request: Request, caller: Scraper, sites: Sites) -> Response:
        scrape = await wanted(request, caller, sites)
        return await answer(scrape, b"" if caller.sites is not None else _own(own, scrape))

    @router.get("/metrics/fleet")
    async def of_the_fleet(request: Request, caller: Scraper, sites: Sites) -> Response:
        return await answer(await wanted(request, caller, sites))

    @router.get("/metrics/server")
    async def of_the_server(request: Request, caller: Scraper) -> Response:
        if caller.sites is not None:
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                "the server's own figures are for tokens that were made without `--site`: "
                "ask for /metrics/fleet",
            )
        scrape = await wanted(request, caller, ())
        page = _own(own, scrape) + ENDS[scrape.text_format]
        return Response(
            gzip.compress(page, 1, mtime=0) if scrape.gzip else page, headers=_headers(scrape)
        )

    return router


def _own(registry: CollectorRegistry, scrape: Scrape) -> bytes:
    """The server's own figures, without OpenMetrics' end."""
    if scrape.text_format is TextFormat.CLASSIC:
        page: bytes = generate_latest(registry)
        return page
    whole: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
    return whole.removesuffix(ENDS[TextFormat.OPENMETRICS])


def _headers(scrape: Scrape) -> dict[str, str]:
    headers = {
        "Content-Type": CONTENT_TYPES[scrape.text_format],
        "Vary": "Accept, Accept-Encoding",
    }
    return headers | {"Content-Encoding": "gzip"} if scrape.gzip else headers
