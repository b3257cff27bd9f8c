"""`/api/v1/sd/prometheus`: what Prometheus is to scrape, a target a site (HTTP service discovery).

A fleet too large for one scrape is scraped site by site, by one Prometheus or by several that share
the sites (`hashmod` over `__param_site`). Sites come and go without a change of its configuration.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from vigie_server.domain.sites import Site
from vigie_server.ports.declaring import Sites
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import SCRAPERS, Access

FLEET: Final = "/metrics/fleet"


class TargetGroup(BaseModel):
    """One target, as `http_sd_configs` reads it."""

    targets: list[str] = Field(examples=[["vigie.example.org:8445"]])
    labels: dict[str, str] = Field(
        examples=[
            {
                "__metrics_path__": FLEET,
                "__param_site": "Les Tilleuls",
                "instance": "Les Tilleuls",
            }
        ]
    )


class KnowsSites(Protocol):
    """Blocking: call it from a worker thread. Raises StoreBusy."""

    def sites(self, within: Sites) -> Sequence[Site]: ...


def discovery_router(access: Access, *, sites: KnowsSites) -> APIRouter:
    """The route of service discovery."""
    router = APIRouter(prefix="/api/v1/sd")
    Scraper = Annotated[ApiCaller, Depends(access.allow(SCRAPERS))]  # noqa: N806 (a type)

    @router.get("/prometheus")
    def targets(caller: Scraper, request: Request) -> list[TargetGroup]:
        """The sites of the token's scope, each a target of its own.

        The target is the address by which this was asked for. `instance` is the site, so that `up`
        is told for each; the site's own label on its series comes from the server.
        """
        return [
            TargetGroup(
                targets=[request.url.netloc],
                labels={
                    "__metrics_path__": FLEET,
                    "__param_site": site.name,
                    "instance": site.name,
                },
            )
            for site in sites.sites(caller.sites)
        ]

    return router
