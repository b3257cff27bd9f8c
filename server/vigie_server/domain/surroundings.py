"""What stands around a device: what people declared that holds for it, and when that follows it.

The store reads it once for the devices it loads. What holds for a device follows what the device is
(a group picks by chassis or name), so it is applied again when the device reports to be another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from vigie_server.domain.attested import InForce, attested
from vigie_server.domain.declared import Declarations
from vigie_server.domain.devices import Device
from vigie_server.domain.overrides import Override, Scope, parameters_set
from vigie_server.domain.selectors import Selector


@dataclass(frozen=True, slots=True)
class Group:
    """A group of devices. `site` is None for a group over every site."""

    key: int
    site: str | None
    name: str
    selector: Selector


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was declared around one device, its groups not yet picked.

    `declared` is what was said of the device itself and of its site, by name. `of_groups` are the
    overrides of each group by the group's key; `overrides` those of the site and of the device.
    `attestations` are those in force at the site, for all of it or for a group.
    """

    groups: tuple[Group, ...] = ()
    overrides: tuple[Override, ...] = ()
    of_groups: Mapping[int, tuple[Override, ...]] = field(default_factory=dict)
    declared: Declarations = field(default_factory=dict)
    attestations: tuple[InForce, ...] = ()

    def around(self, device: Device) -> Device:
        """The device with all that holds for it."""
        said = device
        if device.declared or self.declared:
            said = device.surrounded(self.declared, device.parameters)
        if self.attestations:
            declared = {**self.declared, **self._attested(said)}
            said = said.surrounded(declared, said.parameters)
        holding = self.holding(said)
        if not holding and said.parameters is None:
            return said  # as nearly all
        return said.surrounded(said.declared, parameters_set(holding) if holding else None)

    def holding(self, device: Device) -> tuple[Override, ...]:
        """The overrides that hold for a device whose declarations are applied."""
        if not self.of_groups:
            return self.overrides
        of_groups = [
            found
            for group in self.groups
            if group.key in self.of_groups and group.selector.picks(device)
            for found in self.of_groups[group.key]
        ]
        return (*self.overrides, *of_groups)

    def _attested(self, device: Device) -> Declarations:
        attested_of = {word.group for word in self.attestations}
        groups = {
            group.key
            for group in self.groups
            if group.key in attested_of and group.selector.picks(device)
        }
        return attested(self.attestations, groups)

    def with_override(self, new: Override, *, group: int | None = None) -> "Surroundings":
        """As it would be with this override, of the group of this key if it is a group's."""
        without = self.without_override(new.scope, new.rule, new.name, group=group)
        if group is None:
            return replace(without, overrides=(*without.overrides, new))
        of_group = (*without.of_groups.get(group, ()), new)
        return replace(without, of_groups={**without.of_groups, group: of_group})

    def without_override(
        self, scope: Scope, rule: str, name: str, *, group: int | None = None
    ) -> "Surroundings":
        """As it would be if this parameter were not set for this any more."""
        what = (scope, rule, name)
        if group is None:
            return replace(self, overrides=_others(self.overrides, what))
        of_group = _others(self.of_groups.get(group, ()), what)
        return replace(self, of_groups={**self.of_groups, group: of_group})


NOTHING_AROUND: Final = Surroundings()


def _others(overrides: tuple[Override, ...], what: tuple[Scope, str, str]) -> tuple[Override, ...]:
    return tuple(found for found in overrides if (found.scope, found.rule, found.name) != what)
