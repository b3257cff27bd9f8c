"""`/api/v1`: sites' levels and rules, and how bodies and regions spread."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.maturity import MaturityReader
from vigie_server.ports.pages import page_of
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, require_site
from vigie_server.web.listing import Listing, Paged
from vigie_server.web.maturity_shapes import (
    LevelChangeList,
    LevelChangeShape,
    MaturityShape,
    RollUpShape,
    SiteRuleList,
    SiteRuleShape,
)
from vigie_server.web.tags import TAGGED, tagged

CHANGES: Final = Listing(LevelChangeList, LevelChangeShape, LevelChangeShape.of, (int, int))


def maturity_router(
    access: Access, *, reader: MaturityReader, lists: SiteLists, guide: SiteGuide
) -> APIRouter:
    """The routes of levels and of sites' rules."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    rules = Listing[SiteRuleShape, SiteRuleShape](
        SiteRuleList, SiteRuleShape, lambda shape: shape, (str,)
    )

    @router.get("/sites/{name}/maturity", response_model=MaturityShape, responses=TAGGED)
    def show_maturity(name: str, caller: Reader, request: Request) -> Response:
        """The site's level in each question, what holds it there, and what to do next."""
        require_site(caller, name)
        return tagged(request, MaturityShape.of(name, list(reader.levels(name)), guide))

    @router.get("/sites/{name}/maturity/history", response_model=LevelChangeList)
    def show_history(name: str, caller: Reader, asked: Paged) -> Response:
        """How the site's levels changed, the newest first."""
        require_site(caller, name)
        return CHANGES.answer(
            asked, lambda after, limit: lists.level_changes(name, after=after, limit=limit)
        )

    @router.get("/sites/{name}/rules", response_model=SiteRuleList)
    def show_rules(name: str, caller: Reader, asked: Paged) -> Response:
        """The rules of the whole site, and what they come to."""
        require_site(caller, name)
        found = {record.rule: record for record in reader.verdicts(name)}
        shapes = [
            SiteRuleShape.of(rule, found.get(rule), guide)
            for rule in {*guide.site_rules, *guide.mail_rules, *found}
        ]
        return rules.answer(
            asked,
            lambda after, limit: page_of(
                shapes, lambda shape: (shape.rule,), after=after, limit=limit
            ),
        )

    @router.get("/bodies/{name}/maturity")
    def show_body(name: str, caller: Reader) -> RollUpShape:
        """How the sites of a managing body spread over the levels."""
        return RollUpShape.of(reader.of_body(name, caller.sites))

    @router.get("/regions/{name}/maturity")
    def show_region(name: str, caller: Reader) -> RollUpShape:
        """How the sites of a region (its INSEE code) spread over the levels."""
        return RollUpShape.of(reader.of_region(name, caller.sites))

    return router
