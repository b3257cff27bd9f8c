"""Which devices a group picks: by what is known of them.

A selector is JSON, e.g. `{"platform": ["linux"], "hostname": ["SRV-*"]}`. A device is picked when
it meets every criterion given, and meets one when any of its values fits. A selector without
criteria is refused: it would pick everything by mistake.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from re import Pattern
from re import compile as compiled
from typing import Final

from vigie_server.domain.devices import Device
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.parameters import PROFILES
from vigie_server.domain.suggesting import meant, platform_meant

ROLES: Final = "device.roles"
MOST_VALUES: Final = 1000
MOST_CHARACTERS: Final = 255

PLATFORMS: Final = frozenset({"windows", "darwin", "linux"})
CHASSIS: Final = frozenset({"laptop", "desktop", "server", "tablet", "virtual"})

_CLOSED: Final[Mapping[str, Collection[str]]] = {
    "platform": PLATFORMS,
    "chassis": CHASSIS,
    "profile": PROFILES,
}
CRITERIA: Final = ("platform", "chassis", "profile", "hostname", "roles", "devices")


@dataclass(frozen=True, slots=True)
class Selector:
    """Criteria by name, with the values that each accepts."""

    criteria: Mapping[str, tuple[str, ...]]

    def picks(self, device: Device) -> bool:
        """Whether the device meets every criterion; its roles are those declared of it."""
        return all(_MEETS[name](device, values) for name, values in self.criteria.items())

    def as_json(self) -> str:
        """In its one form."""
        return json.dumps({name: list(values) for name, values in self.criteria.items()})


def selector_of(given: object) -> Selector:
    """The selector that JSON text, or what was read of it, means. Raises DeclarationRefused."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise DeclarationRefused(f"the selector is not JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise DeclarationRefused('a selector is an object such as {"platform": ["linux"]}')
    for name in given:
        if name not in CRITERIA:
            raise DeclarationRefused(
                f"a selector knows no `{name}`{meant(str(name), CRITERIA)}"
                f" (it knows {', '.join(CRITERIA)})"
            )
    criteria = {name: _values(name, given[name]) for name in CRITERIA if name in given}
    if not criteria:
        raise DeclarationRefused(f"a selector needs one of {', '.join(CRITERIA)}")
    return Selector(criteria)


def _values(name: str, given: object) -> tuple[str, ...]:
    values = [given] if isinstance(given, str) else given
    if not isinstance(values, list | tuple) or not values or len(values) > MOST_VALUES:
        raise DeclarationRefused(f"`{name}` of a selector is a list of 1 to {MOST_VALUES} texts")
    texts = []
    for value in values:
        if not isinstance(value, str) or not value.strip() or len(value) > MOST_CHARACTERS:
            raise DeclarationRefused(f"`{name}` of a selector holds something that is not a text")
        text = value.strip()
        if name in _CLOSED and text not in _CLOSED[name]:
            near = platform_meant if name == "platform" else meant
            raise DeclarationRefused(
                f"`{name}` of a selector: `{text}` is none of "
                f"{', '.join(sorted(_CLOSED[name]))}{near(text, _CLOSED[name])}"
            )
        texts.append(text)
    return tuple(dict.fromkeys(texts))


def _fits(hostname: str, globs: tuple[str, ...]) -> bool:
    return _any_of(globs).fullmatch(hostname.casefold()) is not None


@lru_cache(256)
def _any_of(globs: tuple[str, ...]) -> Pattern[str]:
    return compiled("|".join(translate(glob.casefold()) for glob in globs))


def _roles(device: Device) -> Collection[str]:
    roles = device.declared.get(ROLES)
    return roles if isinstance(roles, tuple) else ()


_MEETS: Final[Mapping[str, Callable[[Device, tuple[str, ...]], bool]]] = {
    "platform": lambda device, values: device.platform in values,
    "chassis": lambda device, values: device.chassis in values,
    "profile": lambda device, values: device.profile in values,
    "hostname": lambda device, values: _fits(device.hostname, values),
    "roles": lambda device, values: not set(values).isdisjoint(_roles(device)),
    "devices": lambda device, values: device.id in values,
}
