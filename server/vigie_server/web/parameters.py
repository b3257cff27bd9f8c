"""Parameters: what is set (`/parameters`), and what is in force on a device or at a site."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from vigie_server.domain.errors import NotFound
from vigie_server.domain.overrides import (
    Override,
    Scope,
    all_in_force,
    in_force_at_site,
    reason_of,
    value_of,
)
from vigie_server.domain.settable import Settable
from vigie_server.ports.declaring import GroupStore, OverrideStore, Target
from vigie_server.ports.foreseeing import Change, LooksAhead
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import (
    READERS,
    WRITERS,
    Access,
    acting,
    require_site,
    scope_of,
    sees,
)
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.groups import require_group_site
from vigie_server.web.listing import Paged, at_once
from vigie_server.web.parameter_shapes import (
    OVERRIDES,
    AheadShape,
    OverrideDeclared,
    OverrideList,
    OverrideShape,
    ParameterInForce,
    ParametersInForce,
)
from vigie_server.web.tags import TAGGED, tagged

DryRun = Annotated[
    bool, Query(description="Say which verdicts would change (200), and store nothing")
]
AHEAD: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {"model": AheadShape, "description": "With `dry_run`"}
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter is set: for what, and which. `site` is a group's."""

    scope: Scope
    of: str
    rule: str
    name: str
    site: str | None = None


def parameters_router(
    access: Access, *, overrides: OverrideStore, settable: Settable, lists: SiteLists
) -> APIRouter:
    """The routes of what is set, and of what is in force."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    @router.get("/parameters", response_model=OverrideList)
    def list_parameters(
        caller: Reader, asked: Paged, *, site: str | None = None, rule: str | None = None
    ) -> Response:
        """What is set; what is in force on a device, `/devices/{id}/parameters` says."""
        sites = scope_of(caller, site)
        return OVERRIDES.answer(
            asked, lambda after, limit: lists.overrides(sites, rule=rule, after=after, limit=limit)
        )

    @router.get("/devices/{device_id}/parameters")
    def show_parameters(device_id: str, caller: Reader) -> ParametersInForce:
        """What is in force on a device, where each value comes from, who set it and why."""
        device, holding = overrides.holding(device_id)
        if not sees(caller, device.site):
            raise NotFound(f"no device {device_id}")
        held = settable.for_devices(holding)
        found = all_in_force(settable.devices, device, held)
        return ParametersInForce(
            items=[ParameterInForce.of(*one) for one in found],
            without_effect=[OverrideShape.of_override(one) for one in settable.lost(held)],
        )

    @router.get("/sites/{name}/parameters")
    def show_site_parameters(name: str, caller: Reader) -> ParametersInForce:
        """What is in force of the rules of the whole site; those of devices vary by device."""
        require_site(caller, name)
        held = overrides.of_site(name)
        return ParametersInForce(
            items=[ParameterInForce.of(*one) for one in in_force_at_site(settable.sites, held)],
            without_effect=[OverrideShape.of_override(one) for one in settable.lost(held)],
        )

    return router


def one_parameter_router(
    access: Access,
    *,
    overrides: OverrideStore,
    groups: GroupStore,
    settable: Settable,
    look_ahead: LooksAhead,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of one parameter, as it is set for a site, a group or a device."""
    router = APIRouter(prefix="/api/v1/parameters/{scope}/{of}/{rule}/{name}")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)
    At = Annotated[Place, Depends(at_once(Place))]  # noqa: N806 (a type)
    Reason = Annotated[str, Query(description="Why it is no longer set")]  # noqa: N806 (a type)

    targets = Targets(overrides, groups)

    def foreseen(change: Change) -> Response:
        body = AheadShape.of(look_ahead(change)).model_dump_json()
        return Response(body, media_type="application/json")

    @router.get("", response_model=OverrideShape, responses=TAGGED)
    def show_parameter(place: At, caller: Reader, request: Request) -> Response:
        """What is set for this site, group or device itself; 404 where nothing is."""
        target = targets.of(caller, place, reads=True)
        found = overrides.override(target, rule=place.rule, name=place.name)
        return tagged(request, OverrideShape.of_override(found))

    @router.put("", status_code=HTTPStatus.NO_CONTENT, responses=AHEAD | CONDITIONAL)
    def set_parameter(
        place: At,
        declared: OverrideDeclared,
        caller: Writer,
        when: When,
        *,
        dry_run: DryRun = False,
    ) -> Response:
        """Sets a parameter for a site or group (by name) or a device (by id)."""
        target = targets.of(caller, place)
        rule, name = place.rule, place.name
        value = value_of(settable.parameter(rule, name, place.scope), declared.value)
        reason = reason_of(declared.reason)
        act = acting(caller, now())
        if dry_run:
            new = Override(
                place.scope, place.of, place.site, rule, name, value, reason, act.actor, act.at
            )
            return foreseen(Change(target, rule, name, new))
        overrides.put(
            target,
            rule=rule,
            name=name,
            value=value,
            reason=reason,
            act=act,
            judged=rule not in settable.sites,
            require=when.on(OverrideShape.of_override),
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.delete("", status_code=HTTPStatus.NO_CONTENT, responses=AHEAD | CONDITIONAL)
    def unset_parameter(
        place: At, reason: Reason, caller: Writer, when: When, *, dry_run: DryRun = False
    ) -> Response:
        """Takes away what is set; the next in the order is in force again."""
        target = targets.of(caller, place)
        why = reason_of(reason)
        if dry_run:
            return foreseen(Change(target, place.rule, place.name, None))
        overrides.remove(
            target,
            rule=place.rule,
            name=place.name,
            reason=why,
            act=acting(caller, now()),
            judged=place.rule not in settable.sites,
            require=when.on(OverrideShape.of_override),
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


@dataclass(frozen=True, slots=True)
class Targets:
    """Finds what a parameter is set for, within a caller's scope."""

    overrides: OverrideStore
    groups: GroupStore

    def of(self, caller: ApiCaller, place: Place, *, reads: bool = False) -> Target:
        """What a caller may set parameters for, or read them. Raises NotFound outside its scope."""
        of, site = place.of, place.site
        match place.scope:
            case Scope.SITE:
                require_site(caller, of)
            case Scope.GROUP:
                if site is not None or not reads:
                    require_group_site(caller, site)
                self.groups.group(site, of)
            case Scope.DEVICE:
                device, _ = self.overrides.holding(of)
                if not sees(caller, device.site):
                    raise NotFound(f"no device {of}")
        return Target(place.scope, of, site if place.scope is Scope.GROUP else None)
