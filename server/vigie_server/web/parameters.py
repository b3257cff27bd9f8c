"""Parameters: `/parameters` is what is set, `/devices/{id}/parameters` what is in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from vigie_server.domain.errors import NotFound
from vigie_server.domain.overrides import (
    InForce,
    Override,
    Scope,
    all_in_force,
    parameter_of,
    plain,
    reason_of,
    value_of,
    without_effect,
)
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.rules import Rule
from vigie_server.ports.declaring import GroupStore, OverrideStore, Target
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

Plain = str | int | float | bool | list[str] | None


class OverrideShape(BaseModel):
    """A parameter that somebody set, for a site, a group or a device."""

    scope: Scope
    of: str
    site: str | None
    rule: str
    name: str
    value: Plain
    reason: str
    author: str
    at: datetime

    @classmethod
    def of_override(cls, found: Override) -> "OverrideShape":
        """The override: what, for whom, by whom, when and why."""
        return cls(
            scope=found.scope,
            of=found.of,
            site=found.site,
            rule=found.rule,
            name=found.name,
            value=_plain(found.value),
            reason=found.reason,
            author=found.author,
            at=found.at,
        )


class OverrideList(BaseModel):
    """What is set in the caller's scope."""

    items: list[OverrideShape]


class OverrideDeclared(BaseModel):
    """A value, and why it is set."""

    model_config = ConfigDict(extra="forbid")

    value: Plain
    reason: str


class ParameterInForce(BaseModel):
    """A parameter's value on a device. `origin`: device, group, site, profile or default.

    `override` set it, if one did; `passed_over` would have, and came later in the order. The order
    is device, group of the site (by name), group of every site (by name), site, profile, default.
    """

    rule: str
    name: str
    type: str
    about: dict[str, str]
    value: Plain
    origin: str
    override: OverrideShape | None
    passed_over: list[OverrideShape]

    @classmethod
    def of(cls, rule: Rule, parameter: Parameter, found: InForce) -> "ParameterInForce":
        """The value, and where it comes from."""
        return cls(
            rule=rule.id,
            name=parameter.name,
            type=parameter.type.value,
            about=dict(parameter.about),
            value=_plain(plain(found.value)),
            origin=found.origin,
            override=None if found.override is None else OverrideShape.of_override(found.override),
            passed_over=[OverrideShape.of_override(other) for other in found.passed_over],
        )


class ParametersInForce(BaseModel):
    """Every parameter of the rules for the device's platform.

    `without_effect` is what is set for rules or parameters that do not exist any more.
    """

    items: list[ParameterInForce]
    without_effect: list[OverrideShape]


def parameters_router(
    access: Access,
    *,
    overrides: OverrideStore,
    groups: GroupStore,
    rules: Mapping[str, Rule],
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of parameters."""
    router = APIRouter(prefix="/api/v1")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    Reason = Annotated[str, Query(description="Why it is no longer set")]  # noqa: N806 (a type)

    targets = _Targets(overrides, groups)

    @router.get("/parameters")
    def list_parameters(
        caller: Reader, *, site: str | None = None, rule: str | None = None
    ) -> OverrideList:
        """What is set; what is in force on a device, `/devices/{id}/parameters` says."""
        found = overrides.overrides(scope_of(caller, site))
        items = [OverrideShape.of_override(one) for one in found if rule in {None, one.rule}]
        return OverrideList(items=items)

    @router.put("/parameters/{scope}/{of}/{rule}/{name}", status_code=HTTPStatus.NO_CONTENT)
    def set_parameter(
        scope: Scope,
        of: str,
        rule: str,
        name: str,
        declared: OverrideDeclared,
        caller: Writer,
        *,
        site: str | None = None,
    ) -> None:
        """Sets a parameter for a site or group (by name) or a device (by id)."""
        target = targets.of(caller, scope, of, site)
        value = value_of(parameter_of(rules, rule, name), declared.value)
        reason = reason_of(declared.reason)
        act = acting(caller, now())
        overrides.put(target, rule=rule, name=name, value=value, reason=reason, act=act)

    @router.delete("/parameters/{scope}/{of}/{rule}/{name}", status_code=HTTPStatus.NO_CONTENT)
    def unset_parameter(
        scope: Scope,
        of: str,
        rule: str,
        name: str,
        reason: Reason,
        caller: Writer,
        *,
        site: str | None = None,
    ) -> None:
        """Takes away what is set; the next in the order is in force again."""
        target = targets.of(caller, scope, of, site)
        act = acting(caller, now())
        overrides.remove(target, rule=rule, name=name, reason=reason_of(reason), act=act)

    @router.get("/devices/{device_id}/parameters")
    def show_parameters(device_id: str, caller: Reader) -> ParametersInForce:
        """What is in force on a device, where each value comes from, who set it and why."""
        device, holding = overrides.holding(device_id)
        if not sees(caller, device.site):
            raise NotFound(f"no device {device_id}")
        return ParametersInForce(
            items=[ParameterInForce.of(*found) for found in all_in_force(rules, device, holding)],
            without_effect=[
                OverrideShape.of_override(found) for found in without_effect(rules, holding)
            ],
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


def _plain(value: object) -> Plain:
    if isinstance(value, tuple | list):
        return [str(name) for name in value]
    return value if isinstance(value, str | int | float | bool) else None
