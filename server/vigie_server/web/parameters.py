"""Parameters: what is set (`/parameters`), and what is in force on a device or at a site."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

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
from vigie_server.web.groups import require_group_site
from vigie_server.web.listing import Paged
from vigie_server.web.parameter_shapes import (
    OVERRIDES,
    AheadShape,
    OverrideDeclared,
    OverrideList,
    OverrideShape,
    ParameterInForce,
    ParametersInForce,
)

DryRun = Annotated[
    bool, Query(description="Say which verdicts would change (200), and store nothing")
]
AHEAD: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {"model": AheadShape, "description": "With `dry_run`"}
}


def parameters_router(
    access: Access,
    *,
    overrides: OverrideStore,
    groups: GroupStore,
    settable: Settable,
    look_ahead: LooksAhead,
    lists: SiteLists,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of parameters."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    Reason = Annotated[str, Query(description="Why it is no longer set")]  # noqa: N806 (a type)

    targets = _Targets(overrides, groups)

    def foreseen(change: Change) -> Response:
        body = AheadShape.of(look_ahead(change)).model_dump_json()
        return Response(body, media_type="application/json")

    @router.get("/parameters", response_model=OverrideList)
    def list_parameters(
        caller: Reader, asked: Paged, *, site: str | None = None, rule: str | None = None
    ) -> Response:
        """What is set; what is in force on a device, `/devices/{id}/parameters` says."""
        sites = scope_of(caller, site)
        return OVERRIDES.answer(
            asked, lambda after, limit: lists.overrides(sites, rule=rule, after=after, limit=limit)
        )

    @router.put(
        "/parameters/{scope}/{of}/{rule}/{name}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=AHEAD,
    )
    def set_parameter(
        scope: Scope,
        of: str,
        rule: str,
        name: str,
        declared: OverrideDeclared,
        caller: Writer,
        *,
        site: str | None = None,
        dry_run: DryRun = False,
    ) -> Response:
        """Sets a parameter for a site or group (by name) or a device (by id)."""
        target = targets.of(caller, scope, of, site)
        value = value_of(settable.parameter(rule, name, scope), declared.value)
        reason = reason_of(declared.reason)
        act = acting(caller, now())
        if dry_run:
            new = Override(scope, of, site, rule, name, value, reason, act.actor, act.at)
            return foreseen(Change(target, rule, name, new))
        overrides.put(
            target,
            rule=rule,
            name=name,
            value=value,
            reason=reason,
            act=act,
            judged=rule not in settable.sites,
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.delete(
        "/parameters/{scope}/{of}/{rule}/{name}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=AHEAD,
    )
    def unset_parameter(
        scope: Scope,
        of: str,
        rule: str,
        name: str,
        reason: Reason,
        caller: Writer,
        *,
        site: str | None = None,
        dry_run: DryRun = False,
    ) -> Response:
        """Takes away what is set; the next in the order is in force again."""
        target = targets.of(caller, scope, of, site)
        why = reason_of(reason)
        if dry_run:
            return foreseen(Change(target, rule, name, None))
        overrides.remove(
            target,
            rule=rule,
            name=name,
            reason=why,
            act=acting(caller, now()),
            judged=rule not in settable.sites,
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

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


@dataclass(frozen=True, slots=True)
class _Targets:
    overrides: OverrideStore
    groups: GroupStore

    def of(self, caller: ApiCaller, scope: Scope, of: str, site: str | None) -> Target:
        """What a caller may set parameters for. Raises NotFound outside its scope."""
        match scope:
            case Scope.SITE:
                require_site(caller, of)
            case Scope.GROUP:
                require_group_site(caller, site)
                self.groups.group(site, of)
            case Scope.DEVICE:
                device, _ = self.overrides.holding(of)
                if not sees(caller, device.site):
                    raise NotFound(f"no device {of}")
        return Target(scope, of, site if scope is Scope.GROUP else None)
