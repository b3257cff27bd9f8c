"""`/api/v1/sites`: what is declared of sites."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from vigie_server.domain.regions import Regions
from vigie_server.domain.sites import Contact, Site, checked
from vigie_server.ports.declaring import SiteStore
from vigie_server.ports.site_lists import SiteEntry, SiteLists, SitesWanted
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import STREAMS, Listing, PageShape, Streamed
from vigie_server.web.tags import TAGGED, tagged


class ContactShape(BaseModel):
    """Whom to reach; an e-mail address, a telephone number or both."""

    model_config = ConfigDict(extra="forbid")

    name: str
    email: str = ""
    phone: str = ""
    about: str = ""


class SiteDeclared(BaseModel):
    """What is declared of a site. `region` is an INSEE code, or the name when it is sent."""

    model_config = ConfigDict(extra="forbid")

    body: str = ""
    region: str = ""
    finess: str = ""
    networks: list[str] = []
    gateways: list[str] = []
    declared_devices: int | None = None
    contacts: list[ContactShape] = []


class SiteShape(SiteDeclared):
    """A site."""

    name: str
    region_name: str

    @classmethod
    def of(cls, site: Site, regions: Regions) -> "SiteShape":
        """The site, with its region's name."""
        return cls(**asdict(site), region_name=regions.get(site.region, ""))


class SiteInList(SiteShape):
    """A site with its levels, by question; null: not assessed, absent: not looked at yet."""

    levels: dict[int, int | None]


class SiteList(PageShape[SiteInList]):
    """The sites of the caller's scope, in the order of their names."""


def sites_router(
    access: Access,
    *,
    sites: SiteStore,
    lists: SiteLists,
    regions: Regions,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of sites."""
    router = APIRouter(prefix="/api/v1/sites")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    site_shown = partial(SiteShape.of, regions=regions)

    def shown(entry: SiteEntry) -> SiteInList:
        told = site_shown(entry.site).model_dump()
        return SiteInList(**told, levels=dict(sorted(entry.levels.items())))

    listing = Listing(SiteList, SiteInList, shown, (str,))

    @router.get("", response_model=SiteList, responses=STREAMS)
    def list_sites(
        caller: Reader, asked: Streamed, *, body: str | None = None, region: str | None = None
    ) -> Response:
        """The sites of the scope with their levels; `body` by its name, `region` by its code."""
        wanted = SitesWanted(caller.sites, body, region)
        return listing.answer(
            asked, lambda after, limit: lists.sites(wanted, after=after, limit=limit)
        )

    @router.get("/{name}", response_model=SiteShape, responses=TAGGED)
    def show_site(name: str, caller: Reader, request: Request) -> Response:
        """One site."""
        require_site(caller, name)
        return tagged(request, site_shown(sites.site(name)))

    @router.put("/{name}", responses=CONDITIONAL)
    def declare_site(name: str, declared: SiteDeclared, caller: Writer, when: When) -> SiteShape:
        """Makes the site, or has it be as sent: what is not sent is taken away."""
        require_site(caller, name)
        site = checked(
            Site(
                name=name,
                body=declared.body,
                region=declared.region,
                finess=declared.finess,
                networks=tuple(declared.networks),
                gateways=tuple(declared.gateways),
                declared_devices=declared.declared_devices,
                contacts=tuple(Contact(**found.model_dump()) for found in declared.contacts),
            ),
            regions,
        )
        sites.put(site, acting(caller, now()), when.on(site_shown))
        return site_shown(site)

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def remove_site(name: str, caller: Writer, when: When) -> None:
        """Removes a site to which nothing belongs; 409 otherwise."""
        require_site(caller, name)
        sites.remove(name, acting(caller, now()), when.on(site_shown))

    return router
