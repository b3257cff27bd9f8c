"""`/api/v1/groups`: devices that selectors pick. Without `site`, a group is one of every site."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from vigie_server.domain.selectors import selector_of
from vigie_server.domain.sites import name_of
from vigie_server.domain.surroundings import Group
from vigie_server.ports.conditions import Require
from vigie_server.ports.declaring import GroupStore, HeldGroup
from vigie_server.ports.site_lists import Member, SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import (
    READERS,
    WRITERS,
    Access,
    acting,
    require_site,
    scope_of,
)
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import STREAMS, Listing, Paged, PageShape, Streamed
from vigie_server.web.tags import TAGGED, tagged


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


class MemberShape(BaseModel):
    """A device that a group picks."""

    id: str
    hostname: str
    site: str

    @classmethod
    def of(cls, member: Member) -> "MemberShape":
        """The device by its names."""
        return cls(id=member.device, hostname=member.hostname, site=member.site)


class MemberList(PageShape[MemberShape]):
    """Devices that a group picks now, in the order of their ids."""


MEMBERS: Final = Listing[Member, MemberShape](MemberList, MemberShape, MemberShape.of, (str,))


class GroupDeclared(BaseModel):
    """What a group picks by."""

    model_config = ConfigDict(extra="forbid")

    selector: dict[str, object]


def members_shown(group: Group, devices: Sequence[str]) -> GroupMembers:
    """The group with these devices."""
    return GroupMembers(**GroupShape.of(group).model_dump(), devices=list(devices))


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
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)

    def require(caller: ApiCaller, when: Condition) -> Require[HeldGroup]:
        return when.on(
            lambda held: members_shown(held.group, held.members(caller.sites)),
            lambda held: GroupShape.of(held.group),
        )

    @router.get("", response_model=GroupList)
    def list_groups(caller: Reader, asked: Paged, *, site: str | None = None) -> Response:
        """Groups; those of one site, with those of every site, when it is named."""
        sites = scope_of(caller, site)
        return GROUPS.answer(
            asked, lambda after, limit: lists.groups(sites, after=after, limit=limit)
        )

    @router.get("/{name}", response_model=GroupMembers | GroupShape, responses=TAGGED)
    def show_group(
        name: str,
        caller: Reader,
        request: Request,
        *,
        site: str | None = None,
        members: Annotated[
            bool, Query(description="With its devices; `/groups/{name}/devices` has them in pages.")
        ] = True,
    ) -> Response:
        """One group and the devices that it picks."""
        if site is not None:
            require_site(caller, site)
        group = groups.group(site, name)
        if not members:
            return tagged(request, GroupShape.of(group))
        return tagged(request, members_shown(group, groups.members(group, caller.sites)))

    @router.get("/{name}/devices", response_model=MemberList, responses=STREAMS)
    def list_members(
        name: str, caller: Reader, asked: Streamed, *, site: str | None = None
    ) -> Response:
        """The devices of the caller's scope that the group picks now."""
        if site is not None:
            require_site(caller, site)
        return MEMBERS.answer(
            asked,
            lambda after, limit: lists.members(site, name, caller.sites, after=after, limit=limit),
        )

    @router.put("/{name}", responses=CONDITIONAL)
    def declare_group(
        name: str, declared: GroupDeclared, caller: Writer, when: When, *, site: str | None = None
    ) -> GroupShape:
        """Makes the group, or has it pick otherwise."""
        require_group_site(caller, site)
        selector = selector_of(declared.selector)
        named = name_of("group", name)
        act = acting(caller, now())
        groups.put(site, named, selector.as_json(), act, require(caller, when))
        return GroupShape.of(groups.group(site, named))

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def remove_group(name: str, caller: Writer, when: When, *, site: str | None = None) -> None:
        """Removes the group and the parameters set for it."""
        require_group_site(caller, site)
        groups.remove(site, name, acting(caller, now()), require(caller, when))

    return router
