"""`/api/v1/groups`: devices that selectors pick. Without `site`, a group is one of every site."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from vigie_server.domain.selectors import selector_of
from vigie_server.domain.sites import name_of
from vigie_server.domain.surroundings import Group
from vigie_server.ports.declaring import GroupStore
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import (
    READERS,
    WRITERS,
    Access,
    acting,
    require_site,
    scope_of,
)
from vigie_server.web.listing import Listing, Paged, PageShape


class GroupShape(BaseModel):
    """A group. `site` is null for one over every site."""

    site: str | None
    name: str
    selector: dict[str, list[str]]

    @classmethod
    def of(cls, group: Group) -> "GroupShape":
        """The group, and what it picks by."""
        criteria = {name: list(values) for name, values in group.selector.criteria.items()}
        return cls(site=group.site, name=group.name, selector=criteria)


class GroupList(PageShape[GroupShape]):
    """Groups of the caller's sites, and of every site, in the order of their names."""


GROUPS: Final = Listing(GroupList, GroupShape, GroupShape.of, (str, int))


class GroupMembers(GroupShape):
    """A group, with the ids of the devices of the caller's scope that it picks now."""

    devices: list[str]


class GroupDeclared(BaseModel):
    """What a group picks by."""

    model_config = ConfigDict(extra="forbid")

    selector: dict[str, object]


def require_group_site(caller: ApiCaller, site: str | None) -> None:
    """Raises for a site outside the scope, and where only who sees every site may change."""
    if site is not None:
        require_site(caller, site)
    elif caller.sites is not None:
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            "a group of every site is changed by a token of every site: name a `site`",
        )


def groups_router(
    access: Access, *, groups: GroupStore, lists: SiteLists, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of groups."""
    router = APIRouter(prefix="/api/v1/groups")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)

    @router.get("", response_model=GroupList)
    def list_groups(caller: Reader, asked: Paged, *, site: str | None = None) -> Response:
        """Groups; those of one site, with those of every site, when it is named."""
        sites = scope_of(caller, site)
        return GROUPS.answer(
            asked, lambda after, limit: lists.groups(sites, after=after, limit=limit)
        )

    @router.get("/{name}")
    def show_group(name: str, caller: Reader, *, site: str | None = None) -> GroupMembers:
        """One group and the devices that it picks."""
        if site is not None:
            require_site(caller, site)
        group = groups.group(site, name)
        devices = list(groups.members(group, caller.sites))
        return GroupMembers(**GroupShape.of(group).model_dump(), devices=devices)

    @router.put("/{name}")
    def declare_group(
        name: str, declared: GroupDeclared, caller: Writer, *, site: str | None = None
    ) -> GroupShape:
        """Makes the group, or has it pick otherwise."""
        require_group_site(caller, site)
        selector = selector_of(declared.selector)
        groups.put(site, name_of("group", name), selector.as_json(), acting(caller, now()))
        return GroupShape.of(groups.group(site, name_of("group", name)))

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
    def remove_group(name: str, caller: Writer, *, site: str | None = None) -> None:
        """Removes the group and the parameters set for it."""
        require_group_site(caller, site)
        groups.remove(site, name, acting(caller, now()))

    return router
