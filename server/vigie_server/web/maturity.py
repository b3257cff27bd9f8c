"""`/api/v1`: sites' levels and rules, and how bodies and regions spread."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.maturity import MaturityReader
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, require_site
from vigie_server.web.maturity_shapes import (
    LevelChangeList,
    LevelChangeShape,
    MaturityShape,
    RollUpShape,
    SiteRuleList,
    SiteRuleShape,
)

Limit = Annotated[int, Query(ge=1, le=1000, description="Items a page")]


def maturity_router(access: Access, *, reader: MaturityReader, guide: SiteGuide) -> APIRouter:
    """The routes of levels and of sites' rules."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    @router.get("/sites/{name}/maturity")
    def show_maturity(name: str, caller: Reader) -> MaturityShape:
        """The site's level in each question, what holds it there, and what to do next."""
        require_site(caller, name)
        return MaturityShape.of(name, list(reader.levels(name)), guide)

    @router.get("/sites/{name}/maturity/history")
    def show_history(name: str, caller: Reader, *, limit: Limit = 100) -> LevelChangeList:
        """How the site's levels changed, the newest first."""
        require_site(caller, name)
        changes = reader.history(name, limit=limit)
        return LevelChangeList(items=[LevelChangeShape.of(change) for change in changes])

    @router.get("/sites/{name}/rules")
    def show_rules(name: str, caller: Reader) -> SiteRuleList:
        """The rules of the whole site, and what they come to."""
        require_site(caller, name)
        found = {record.rule: record for record in reader.verdicts(name)}
        return SiteRuleList(
            items=[
                SiteRuleShape.of(rule, found.get(rule), guide)
                for rule in sorted({*guide.site_rules, *guide.mail_rules, *found})
            ]
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
