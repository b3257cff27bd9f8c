"""The rules that people know, and which of their parameters may be set for what.

A rule of devices is set for a site, a group or a device; a rule of the whole site for a site alone,
as it looks at no single device. Rules on mail domains are held to what the RFCs say: they have no
parameter.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.overrides import Override, Parametered, Scope, without_effect
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.rules import Rule
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.site_rules import SiteRule
from vigie_server.domain.suggesting import meant


@dataclass(frozen=True, slots=True)
class Settable:
    """Rules by id: of devices, of whole sites, and the ids of those on mail domains."""

    devices: Mapping[str, Rule]
    sites: Mapping[str, SiteRule] = field(default_factory=dict)
    mail: Collection[str] = ()

    @classmethod
    def of(cls, devices: Mapping[str, Rule], guide: SiteGuide) -> "Settable":
        """The rules of a catalogue, and those of the guide of sites."""
        return cls(devices, guide.site_rules, tuple(guide.mail_rules))

    def parameter(self, rule: str, name: str, scope: Scope) -> Parameter:
        """Raises DeclarationRefused, with what was probably meant."""
        if rule in self.mail:
            raise DeclarationRefused(f"rule {rule} is one on mail domains: it has no parameters")
        rules: dict[str, Parametered] = {**self.devices, **self.sites}
        found = rules.get(rule)
        if found is None:
            known = {*rules, *self.mail}
            raise DeclarationRefused(f"there is no rule `{rule}`{meant(rule, known)}")
        if rule in self.sites and scope is not Scope.SITE:
            raise DeclarationRefused(
                f"rule {rule} is one of the whole site: set it for a site, not for a {scope}"
            )
        return _parameter_of(found, name)

    def pair(self, rule: str, name: str) -> str | None:
        """The parameter without which this one has no effect; None where it has one by itself."""
        found = self.devices.get(rule)
        parameter = None if found is None else found.parameters.get(name)
        return None if parameter is None else parameter.pair

    def for_devices(self, overrides: Iterable[Override]) -> list[Override]:
        """Without those of rules of the whole site."""
        return [found for found in overrides if found.rule not in self.sites]

    def lost(self, overrides: Iterable[Override]) -> list[Override]:
        """Those of rules or parameters that the rules in force do not have."""
        return without_effect({**self.devices, **self.sites}, overrides)


def _parameter_of(rule: Parametered, name: str) -> Parameter:
    if not rule.parameters:
        raise DeclarationRefused(f"rule {rule.id} has no parameters")
    if name not in rule.parameters:
        raise DeclarationRefused(
            f"rule {rule.id} has no parameter `{name}`{meant(name, rule.parameters)}"
            f" (it has {', '.join(sorted(rule.parameters))})"
        )
    return rule.parameters[name]
