"""Parameters set by people: what is in force on a device, where it comes from, and what was set.

The device's own override goes before a group's, a group's before the site's, the site's before the
value of the profile, that before the default. Of several groups that set one parameter, those of
the device's site go before those of every site, as the nearer decision; among these the first by
name decides: an order that people see and can choose, and that no later act changes by surprise.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Final, Protocol, TypeVar

from vigie_server.domain.cards import day
from vigie_server.domain.devices import Device
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.parameters import (
    REFERENCES,
    STANDARD,
    Parameter,
    ParameterType,
    Value,
    is_day,
)
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import NameList, SupportTable
from vigie_server.domain.rules import Rule

REASON_CHARACTERS: Final = 1000
LIST_ENTRIES: Final = 5000
TEXT_CHARACTERS: Final = 1000

Set = str | int | float | bool | tuple[str, ...]
"""A value that a person may set: a list of names is a tuple."""


class Parametered(Protocol):
    """A rule that has parameters, of devices or of whole sites."""

    @property
    def id(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...


AnyRule = TypeVar("AnyRule", bound=Parametered)


class Scope(StrEnum):
    """What an override holds for."""

    SITE = "site"
    GROUP = "group"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Override:
    """A parameter set for `of`: a site or group by name, a device by id.

    `site` is the site of a group, of a device, or the site itself; None for a group of every site.
    """

    scope: Scope
    of: str
    site: str | None
    rule: str
    name: str
    value: object
    reason: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """A parameter's value on a device. `origin` is a scope, `profile` or `default`.

    `override` set it, if one did; `passed_over` are the others that would have, in order.
    """

    value: Value | None
    origin: str
    override: Override | None = None
    passed_over: tuple[Override, ...] = ()


_NEAREST: Final = {Scope.DEVICE: 0, Scope.GROUP: 1, Scope.SITE: 2}


def in_order(overrides: Iterable[Override]) -> list[Override]:
    """Those that hold for one device, the one that decides first."""
    return sorted(
        overrides,
        key=lambda found: (
            _NEAREST[found.scope],
            found.site is None,
            found.of.casefold(),
            found.of,
        ),
    )


def parameters_set(overrides: Iterable[Override]) -> Mapping[str, Mapping[str, object]]:
    """What is set on a device by the overrides that hold for it: by rule and parameter."""
    decided: dict[str, dict[str, object]] = {}
    for found in in_order(overrides):
        decided.setdefault(found.rule, {}).setdefault(found.name, found.value)
    return decided


def in_force(parameter: Parameter, profile: str, overrides: Sequence[Override]) -> InForce:
    """The value, by the overrides of this parameter that hold for the device."""
    ordered = in_order(overrides)
    if ordered:
        first, *others = ordered
        value = parameter.value(profile, first.value)
        return InForce(value, first.scope.value, first, tuple(others))
    origin = "profile" if profile in parameter.profiles else "default"
    return InForce(parameter.value(profile), origin)


def all_in_force(
    rules: Mapping[str, Rule], device: Device, overrides: Iterable[Override]
) -> Iterator[tuple[Rule, Parameter, InForce]]:
    """Every parameter of the rules for the device's platform, by the overrides that hold for it."""
    here = [rule for rule in rules.values() if device.platform in rule.platforms]
    return _in_force(here, device.profile, overrides)


def in_force_at_site(
    rules: Mapping[str, AnyRule], overrides: Iterable[Override]
) -> Iterator[tuple[AnyRule, Parameter, InForce]]:
    """Every parameter of the rules of whole sites, by the overrides that hold for one."""
    return _in_force(rules.values(), STANDARD, overrides)


def _in_force(
    rules: Iterable[AnyRule], profile: str, overrides: Iterable[Override]
) -> Iterator[tuple[AnyRule, Parameter, InForce]]:
    held: dict[tuple[str, str], list[Override]] = {}
    for found in overrides:
        held.setdefault((found.rule, found.name), []).append(found)
    for rule in rules:
        for parameter in rule.parameters.values():
            of_it = held.get((rule.id, parameter.name), ())
            yield rule, parameter, in_force(parameter, profile, of_it)


def without_effect(
    rules: Mapping[str, Parametered], overrides: Iterable[Override]
) -> list[Override]:
    """Overrides of rules or parameters that the rules in force do not have."""
    return [
        found
        for found in overrides
        if found.rule not in rules or found.name not in rules[found.rule].parameters
    ]


def value_of(parameter: Parameter, given: object) -> Set:
    """The value as it is kept. Raises DeclarationRefused where it is not of the type."""
    value: Set | None = None
    match parameter.type, given:
        case kind, _ if kind in REFERENCES:
            raise DeclarationRefused(f"`{parameter.name}` is a reference table: it cannot be set")
        case ParameterType.FLAG, bool():
            value = given
        case _, bool():
            pass
        case ParameterType.TEXT, str() if len(given) <= TEXT_CHARACTERS:
            value = given.strip()
        case ParameterType.DAY, str() if is_day(given.strip()):
            value = given.strip()
        case ParameterType.LIST, list() | tuple() if len(given) <= LIST_ENTRIES:
            value = _names(given)
        case ParameterType.INTEGER | ParameterType.REAL, int() | float() if 0 <= given < inf:
            typed = parameter.value(STANDARD, given)
            value = given if typed is not None and parameter.allows(typed) else None
        case _:
            pass
    if value is None:
        most = "" if parameter.most is None else f" and at most {parameter.most}"
        raise DeclarationRefused(f"`{parameter.name}` must be {_KINDS[parameter.type]}{most}")
    return value


def value_written(parameter: Parameter, text: str) -> Set:
    """The value that a person typed: `12`, `1,5`, `oui`, `31/12/2026`, `a, b`, JSON lists."""
    given: object = text.strip()
    folded = text.strip().casefold()
    try:
        match parameter.type:
            case ParameterType.INTEGER:
                given = int(folded)
            case ParameterType.REAL:
                given = float(folded.replace(",", "."))
            case ParameterType.FLAG:
                given = _FLAGS.get(folded)
            case ParameterType.DAY if folded:
                given = day(folded)
            case ParameterType.LIST if folded.startswith("["):
                given = json.loads(text)
            case ParameterType.LIST:
                given = [name.strip() for name in text.split(",") if name.strip()]
            case _:
                pass
    except ValueError:
        given = None
    return value_of(parameter, given)


def reason_of(text: str) -> str:
    """The reason in one line. Raises DeclarationRefused where nothing is said."""
    reason = " ".join(text.split())
    if not reason or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        raise DeclarationRefused(
            f"give a reason, of at most {REASON_CHARACTERS} printable characters"
        )
    return reason


def plain(value: Value | None) -> Set | None:
    """A value as readers see it: the entries of a list, the name of a table."""
    if isinstance(value, NameList):
        return value.entries
    if isinstance(value, SupportTable | ProductTable):
        return value.handle.split(":")[1]
    return value


def _names(given: Sequence[object]) -> tuple[str, ...] | None:
    names = [name.strip() for name in given if isinstance(name, str) and name.strip()]
    return tuple(dict.fromkeys(names)) if len(names) == len(given) else None


_FLAGS: Final = {
    **dict.fromkeys(("true", "yes", "on", "oui", "vrai"), True),
    **dict.fromkeys(("false", "no", "off", "non", "faux"), False),
}
_KINDS: Final = {
    ParameterType.INTEGER: "a whole number of at least 0",
    ParameterType.REAL: "a number of at least 0",
    ParameterType.TEXT: f"a text of at most {TEXT_CHARACTERS} characters",
    ParameterType.DAY: "a day such as 2026-12-31, or empty",
    ParameterType.FLAG: "true or false",
    ParameterType.LIST: "a list of names",
}
