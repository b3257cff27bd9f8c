"""The pages of parameters: what is in force and why, and what another value would change.

A value is applied from the page that has shown what it comes to, and from no other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.forms import FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_on
from vigie_server.console.walking import Walk
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.overrides import (
    InForce,
    Override,
    Parametered,
    Scope,
    all_in_force,
    in_force_at_site,
    plain,
    reason_of,
    value_written,
)
from vigie_server.domain.parameters import REFERENCES, STANDARD, Parameter
from vigie_server.domain.settable import Settable
from vigie_server.ports.declaring import Act, GroupStore, OverrideStore, Target
from vigie_server.ports.foreseeing import Ahead, Change, LooksAhead
from vigie_server.ports.site_lists import SiteLists
from vigie_server.web.access import WRITERS, acting, scope_of
from vigie_server.web.parameters import Place, Targets

PAGE: Final = 50
WHERE: Final = ("scope", "of", "site", "rule", "name")
FIELDS: Final = (*WHERE, "value", "reason")
_FEW: Final = 8
Found = tuple[Parametered, Parameter, InForce]


@dataclass(frozen=True, slots=True)
class ParametersSeen:
    """What these pages read and write."""

    overrides: OverrideStore
    groups: GroupStore
    settable: Settable
    lists: SiteLists
    look_ahead: LooksAhead


def parameters_pages(shell: Shell, seen: ParametersSeen) -> APIRouter:
    """The pages of what is set, and of what is in force."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)

    @router.get("/parameters")
    def parameters(request: Request, visit: Visitor, *, site: str = "", rule: str = "") -> Response:
        """All that people have set."""
        walk = Walk.of(request)
        page = seen.lists.overrides(
            scope_of(visit.caller, site or None),
            rule=rule or None,
            after=walk.place((int,)),
            limit=PAGE,
        )
        return shell.page(
            visit,
            "parameters.html",
            items=[(one, _about(seen.settable, one.rule, one.name)) for one in page.items],
            walk=walk,
            next=walk.next(page.after),
            site=site,
            rule=rule,
            set_at=set_at,
            told=told,
        )

    @router.get("/parameters/of")
    def of_one(visit: Visitor, *, scope: str = "", of: str = "", site: str = "") -> Response:
        """Every parameter for one site, group or device: its value and where that comes from."""
        target = _target(seen, visit, scope, of, site, reads=True)
        title, found = _in_force(seen, target)
        return shell.page(
            visit,
            "parameters_of.html",
            target=target,
            title=title,
            found=[one for one in found if one[1].type not in REFERENCES],
            set_at=set_at,
            told=told,
            changes=visit.writes and _may_change(visit, target),
        )

    return router


def set_parameter_pages(shell: Shell, seen: ParametersSeen) -> APIRouter:
    """The page of one parameter, as it is set for a site, a group or a device."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        target = _target(seen, visit, given["scope"], given["of"], given["site"])
        parameter = seen.settable.parameter(given["rule"], given["name"], target.scope)
        title, found = _in_force(seen, target)
        held = next(
            (
                value
                for rule, known, value in found
                if (rule.id, known.name) == (given["rule"], given["name"])
            ),
            None,
        )
        page: dict[str, Any] = {
            "target": target,
            "title": title,
            "parameter": parameter,
            "titles": _titles(seen.settable, given["rule"]),
            "held": held,
            "own": held is not None
            and held.override is not None
            and held.override.scope is target.scope,
            "given": dict.fromkeys(FIELDS, "") | dict(given),
            "told": told,
            "fault": None,
            "ahead": None,
            "alone": None,
            "takes_away": False,
        }
        return shell.page(visit, "parameter.html", **(page | beside))

    @router.get("/parameters/set")
    def edit(request: Request, visit: Writer) -> Response:
        """The value in force, and the form of another one."""
        given = {name: request.query_params.get(name, "") for name in WHERE}
        target = _target(seen, visit, given["scope"], given["of"], given["site"])
        parameter = seen.settable.parameter(given["rule"], given["name"], target.scope)
        return shown(visit, given | {"value": told(_default(parameter))})

    @router.post("/parameters/set")
    def change(visit: Writer, sent: Form) -> Response:
        """Says what a change comes to, and makes it where that has been shown."""
        given = sent.given(FIELDS)
        target = _target(seen, visit, given["scope"], given["of"], given["site"])
        act = acting(visit.caller, shell.now())
        takes_away = sent.text("what") in {"unset", "unset-preview"}
        try:
            change = _change(seen.settable, sent, target, act, takes_away=takes_away)
            mark = _mark(given, takes_away=takes_away)
            if sent.text("what") not in {"set", "unset"} or sent.text("seen") != mark:
                ahead = seen.look_ahead(change)
                alone = _half_set(seen, change)
                return shown(
                    visit,
                    given,
                    ahead=_moves(ahead),
                    alone=alone,
                    mark=mark,
                    takes_away=takes_away,
                )
            _make(seen, change, given["reason"], act)
        except (FormRefused, DeclarationRefused) as error:
            return shown(visit, given, fault=fault_of(error, visit.words.language))
        query = urlencode({name: given[name] for name in ("scope", "of", "site") if given[name]})
        return gone_on(f"{address('parameters', 'of')}?{query}&done=set")

    return router


def set_at(target: Target, rule: str, name: str) -> str:
    """The address of the page that sets a parameter."""
    where = {"scope": target.scope.value, "of": target.of, "site": target.site or ""}
    given = {key: value for key, value in where.items() if value}
    return f"{address('parameters', 'set')}?{urlencode({**given, 'rule': rule, 'name': name})}"


def told(value: object) -> str:
    """A value as it is read, and written in a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _default(parameter: Parameter) -> object:
    return plain(parameter.value(STANDARD))


def _target(
    seen: ParametersSeen, visit: Visit, scope: str, of: str, site: str, *, reads: bool = False
) -> Target:
    """Raises NotFound outside the scope, and for what is none."""
    if scope not in set(Scope):
        raise NotFound(f"no scope {scope}")
    place = Place(Scope(scope), of, "", "", site or None)
    return Targets(seen.overrides, seen.groups).of(visit.caller, place, reads=reads)


def _may_change(visit: Visit, target: Target) -> bool:
    return target.scope is not Scope.GROUP or target.site is not None or visit.caller.sites is None


def _in_force(seen: ParametersSeen, target: Target) -> tuple[str, Sequence[Found]]:
    """Whose parameters these are, by a name that people know, and each with its value."""
    settable = seen.settable
    if target.scope is Scope.DEVICE:
        device, holding = seen.overrides.holding(target.of)
        found: Iterable[Found] = all_in_force(
            settable.devices, device, settable.for_devices(holding)
        )
        return device.hostname or device.id, list(found)
    if target.scope is Scope.SITE:
        held = seen.overrides.of_site(target.of)
        of_site: list[Found] = list(in_force_at_site(settable.sites, held))
        return target.of, [*of_site, *in_force_at_site(settable.devices, held)]
    held = [
        one
        for one in seen.overrides.overrides(None)
        if (one.scope, one.of, one.site) == (Scope.GROUP, target.of, target.site)
    ]
    return target.of, list(in_force_at_site(settable.devices, held))


def _about(settable: Settable, rule: str, name: str) -> Mapping[str, str]:
    known: Mapping[str, Parametered] = {**settable.devices, **settable.sites}
    found = known.get(rule)
    parameter = None if found is None else found.parameters.get(name)
    return {"fr": name, "en": name} if parameter is None else parameter.about


def _titles(settable: Settable, rule: str) -> Mapping[str, str]:
    found = settable.devices.get(rule) or settable.sites.get(rule)
    return {"fr": rule, "en": rule} if found is None else found.title


def _change(
    settable: Settable, sent: Sent, target: Target, act: Act, *, takes_away: bool
) -> Change:
    rule, name = sent.text("rule"), sent.text("name")
    parameter = settable.parameter(rule, name, target.scope)
    with sent.beside("reason"):
        reason = reason_of(sent.needed("reason", "waive.reason"))
    if takes_away:
        return Change(target, rule, name, None)
    with sent.beside("value"):
        value = value_written(parameter, sent.text("value"))
    new = Override(
        target.scope, target.of, target.site, rule, name, value, reason, act.actor, act.at
    )
    return Change(target, rule, name, new)


def _mark(given: Mapping[str, str], *, takes_away: bool) -> str:
    """What has been shown: another value is shown anew before it is applied."""
    return "unset" if takes_away else f"set {given['value']}"


def _moves(ahead: Ahead) -> Mapping[str, Any]:
    return {
        "concerned": ahead.concerned,
        "judged": ahead.judged,
        "moves": sorted(ahead.moves.items()),
        "shown": ahead.shown,
        "site": ahead.site,
        "changed": sum(ahead.moves.values()),
    }


def _half_set(seen: ParametersSeen, change: Change) -> Sequence[Mapping[str, str]] | None:
    """What the parameter that is set alone is about, and the one that it has no effect without."""
    found = change.half_set(seen.settable.pair(change.rule, change.name), seen.overrides)
    return None if found is None else [_about(seen.settable, change.rule, one) for one in found]


def _make(seen: ParametersSeen, change: Change, reason: str, act: Act) -> None:
    judged = change.rule not in seen.settable.sites
    if change.new is None:
        seen.overrides.remove(
            change.target,
            rule=change.rule,
            name=change.name,
            reason=reason_of(reason),
            act=act,
            judged=judged,
        )
    else:
        seen.overrides.put(
            change.target,
            rule=change.rule,
            name=change.name,
            value=change.new.value,
            reason=change.new.reason,
            act=act,
            judged=judged,
        )
