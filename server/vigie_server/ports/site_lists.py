"""Lists of sites, of what belongs to one, and of what is declared. All block.

A site that does not exist raises NotFound.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.incident_log import Entry
from vigie_server.domain.overrides import Override
from vigie_server.domain.sites import Site
from vigie_server.domain.surroundings import Group
from vigie_server.ports.attesting import AttestationRecord
from vigie_server.ports.declaring import Sites, WrittenCard
from vigie_server.ports.maturity import LevelChange
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.waiving import WaiverRecord


@dataclass(frozen=True, slots=True)
class SitesWanted:
    """Which sites: of a body by its name, of a region by its INSEE code."""

    sites: Sites = None
    body: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site with its level of each question that was looked at; None: not assessed."""

    site: Site
    levels: Mapping[int, int | None]


@dataclass(frozen=True, slots=True)
class CardOfDevice:
    """A device's asset card."""

    device: str
    hostname: str
    written: WrittenCard


@dataclass(frozen=True, slots=True)
class Member:
    """A device that a group picks."""

    device: str
    hostname: str
    site: str


class SiteLists(Protocol):
    """Reads them page by page."""

    def sites(self, wanted: SitesWanted, *, after: Position | None, limit: int) -> Page[SiteEntry]:
        """In the order of their names."""
        ...

    def attested(
        self, site: str, item: str, *, after: Position | None, limit: int
    ) -> Page[AttestationRecord]:
        """All that was attested of an item, the newest first."""
        ...

    def waivers(
        self, site: str, *, rule: str | None, after: Position | None, limit: int
    ) -> Page[WaiverRecord]:
        """In force and past, the newest first."""
        ...

    def incidents(self, site: str, *, after: Position | None, limit: int) -> Page[Entry]:
        """In their order."""
        ...

    def level_changes(self, site: str, *, after: Position | None, limit: int) -> Page[LevelChange]:
        """The newest first."""
        ...

    def moves(
        self, sites: Collection[str], since: datetime, *, limit: int
    ) -> Mapping[str, Sequence[LevelChange]]:
        """Changes of level of each of these sites from an instant on, the newest first.

        Beyond so many in all the oldest are left out.
        """
        ...

    def groups(self, within: Sites, *, after: Position | None, limit: int) -> Page[Group]:
        """Those of these sites, and those of every site, in the order of their names."""
        ...

    def members(
        self, site: str | None, name: str, within: Sites, *, after: Position | None, limit: int
    ) -> Page[Member]:
        """Whom a group picks now, of these sites, in the order of their ids. Raises NotFound."""
        ...

    def overrides(
        self, within: Sites, *, rule: str | None, after: Position | None, limit: int
    ) -> Page[Override]:
        """Those for these sites and what is in them, and for every site; the oldest first."""
        ...

    def cards(self, within: Sites, *, after: Position | None, limit: int) -> Page[CardOfDevice]:
        """Of devices that have one, in the order of their enrolment."""
        ...
