"""What people declare: sites, groups of devices, parameters, asset cards.

Every write names who acts, and when, for the audit. A write that changes what a rule may say has
the devices it concerns judged again. `require` is asked in the transaction of the write
(`ports/conditions.py`). All block: call them from a worker thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.card_files import KnownDevice
from vigie_server.domain.cards import Card, Cell
from vigie_server.domain.devices import Device
from vigie_server.domain.overrides import Override, Scope
from vigie_server.domain.selectors import Selector
from vigie_server.domain.sites import Site
from vigie_server.domain.surroundings import Group
from vigie_server.ports.conditions import Require, whatever

Sites = frozenset[str] | None
"""A scope of sites; None: every site."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, and when."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """What an override is set for: a site or group by name, a device by id.

    `site` is the group's; None for a group of every site.
    """

    scope: Scope
    of: str
    site: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenCard:
    """A device's card, and who wrote it last; nobody where there is none."""

    site: str
    card: Card
    author: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """A group as a write finds it, and the ids of its devices within a scope, when asked."""

    group: Group
    members: Callable[[Sites], Sequence[str]]


@dataclass(frozen=True, slots=True)
class PickedDevice:
    """A device that a selector picks."""

    device: str
    hostname: str
    site: str


class SiteStore(Protocol):
    """Sites and the bodies that run them."""

    def sites(self, within: Sites) -> Sequence[Site]:
        """In the order of their names."""
        ...

    def names(self, within: Sites, *, most: int) -> Sequence[str]:
        """The first names of sites, in their order."""
        ...

    def site(self, name: str) -> Site:
        """Raises NotFound."""
        ...

    def put(self, site: Site, act: Act, require: Require[Site] = whatever) -> None:
        """Makes the site, or has it be so."""
        ...

    def remove(self, name: str, act: Act, require: Require[Site] = whatever) -> None:
        """Raises NotFound, and InUse while devices, records or usable tokens belong to it."""
        ...


class GroupStore(Protocol):
    """Groups of devices; `site` None names a group of every site."""

    def groups(self, within: Sites) -> Sequence[Group]:
        """Those of these sites, and those of every site."""
        ...

    def group(self, site: str | None, name: str) -> Group:
        """Raises NotFound."""
        ...

    def members(self, group: Group, within: Sites) -> Sequence[str]:
        """The ids of the devices that it picks."""
        ...

    def picking(
        self, selector: Selector, site: str | None, within: Sites
    ) -> Sequence[PickedDevice]:
        """What a group would pick, of one site or of all. Raises NotFound: no such site."""
        ...

    def put(
        self,
        site: str | None,
        name: str,
        selector: str,
        act: Act,
        require: Require[HeldGroup] = whatever,
    ) -> None:
        """`selector` is JSON that was checked. Raises NotFound: no such site."""
        ...

    def remove(
        self, site: str | None, name: str, act: Act, require: Require[HeldGroup] = whatever
    ) -> None:
        """With its overrides. Raises NotFound, and InUse while records name it."""
        ...


class OverrideStore(Protocol):
    """Parameters set otherwise than the rules say."""

    def overrides(self, within: Sites) -> Sequence[Override]: ...

    def holding(self, device_id: str) -> tuple[Device, Sequence[Override]]:
        """A device, and the overrides that hold for it. Raises NotFound."""
        ...

    def of_site(self, site: str) -> Sequence[Override]:
        """What is set for a site as a whole. Raises NotFound."""
        ...

    def override(self, target: Target, *, rule: str, name: str) -> Override:
        """What is set for this itself. Raises NotFound."""
        ...

    def put(
        self,
        target: Target,
        *,
        rule: str,
        name: str,
        value: object,
        reason: str,
        act: Act,
        judged: bool = True,
        require: Require[Override] = whatever,
    ) -> None:
        """`judged`: devices are judged by the rule, so that those it holds for are judged again.

        Raises NotFound: no such site, group or device.
        """
        ...

    def remove(
        self,
        target: Target,
        *,
        rule: str,
        name: str,
        reason: str,
        act: Act,
        judged: bool = True,
        require: Require[Override] = whatever,
    ) -> None:
        """Raises NotFound."""
        ...

    def concerned(self, target: Target) -> Sequence[int]:
        """The keys of the devices that an override for this would hold for. Raises NotFound."""
        ...


class CardStore(Protocol):
    """Asset cards."""

    def known(self, within: Sites) -> Sequence[KnownDevice]: ...

    def card(self, device_id: str) -> WrittenCard:
        """Empty where there is none. Raises NotFound: no such device."""
        ...

    def cards(self, within: Sites) -> Sequence[tuple[KnownDevice, Card]]:
        """Every device, with its card or an empty one."""
        ...

    def change(
        self,
        changes: Mapping[str, Mapping[str, Cell | None]],
        act: Act,
        require: Require[WrittenCard] = whatever,
    ) -> int:
        """Changes cards by the devices' ids, all or none; gives how many changed.

        `require` is asked of each. Raises NotFound.
        """
        ...
