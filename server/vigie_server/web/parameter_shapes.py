"""Parameters as the API carries them: what is set, what is in force, what a change comes to."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from vigie_server.domain.overrides import InForce, Override, Parametered, Scope, plain
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.domain.verdicts import Status
from vigie_server.ports.foreseeing import Ahead
from vigie_server.web.listing import Listing, PageShape

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


class OverrideList(PageShape[OverrideShape]):
    """What is set in the caller's scope, the oldest first."""


OVERRIDES: Final = Listing(OverrideList, OverrideShape, OverrideShape.of_override, (int,))


class OverrideDeclared(BaseModel):
    """A value, and why it is set."""

    model_config = ConfigDict(extra="forbid")

    value: Plain
    reason: str


class ParameterInForce(BaseModel):
    """A parameter's value on a device or at a site, and its origin.

    `origin` is device, group, site, profile or default.

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
    def of(cls, rule: Parametered, parameter: Parameter, found: InForce) -> "ParameterInForce":
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
    """Every parameter of the rules for the device's platform, or of the rules of the whole site.

    `without_effect` is what is set for rules or parameters that do not exist any more.
    """

    items: list[ParameterInForce]
    without_effect: list[OverrideShape]


class MovedDevice(BaseModel):
    """A device whose verdict would be another."""

    device: str
    hostname: str
    site: str
    before: Status
    after: Status


class Move(BaseModel):
    """How many devices would go from one verdict to another."""

    before: Status
    after: Status
    devices: int


class SiteMove(BaseModel):
    """The verdict on the site as it is, and as it would be, with why."""

    before: Status
    after: Status
    reason: dict[str, str]

    @classmethod
    def of(cls, before: SiteVerdict, after: SiteVerdict) -> "SiteMove":
        """The two verdicts."""
        return cls(before=before.status, after=after.status, reason=dict(after.reason))


class AheadShape(BaseModel):
    """What a change would come to; nothing was stored.

    Of `concerned` devices the first `judged` were judged: where there are more, the command line
    judges them all. `moves` counts those whose verdict would be another, `devices` names the first
    of them. `site` is there for a rule of the whole site, and nothing else then.
    """

    concerned: int
    judged: int
    moves: list[Move]
    devices: list[MovedDevice]
    site: SiteMove | None

    @classmethod
    def of(cls, found: Ahead) -> "AheadShape":
        """What was found."""
        return cls(
            concerned=found.concerned,
            judged=found.judged,
            moves=[
                Move(before=before, after=after, devices=count)
                for (before, after), count in sorted(found.moves.items())
            ],
            devices=[
                MovedDevice(
                    device=one.device.id,
                    hostname=one.device.hostname,
                    site=one.device.site,
                    before=one.before,
                    after=one.after,
                )
                for one in found.shown
            ],
            site=None if found.site is None else SiteMove.of(*found.site),
        )


def _plain(value: object) -> Plain:
    if isinstance(value, tuple | list):
        return [str(name) for name in value]
    return value if isinstance(value, str | int | float | bool) else None
