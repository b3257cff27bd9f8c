"""The table of sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from vigie_server.console.presenters.levels import Levels, assessed, before, moved, total
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.site_figures import COUNTED
from vigie_server.ports.maturity import LevelChange
from vigie_server.ports.pages import Page, Position, page_of
from vigie_server.ports.site_lists import SiteEntry

Order = Literal["name", "level", "-level", "devices", "-devices"]
MOST_SORTED: Final = 500
"""Sites that are put in another order than that of their names; more have to be filtered first."""

Sizes = Mapping[DeviceState, int]


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A site of the table. `moved` is None where no level was known at the beginning."""

    name: str
    body: str
    region: str
    levels: Sequence[int | None]
    devices: int
    declared: int | None
    pending: int
    moved: int | None
    assessed: bool
    total: int


def site_line(
    entry: SiteEntry,
    sizes: Sizes,
    changes: Sequence[LevelChange],
    regions: Mapping[str, str],
    since: datetime,
) -> SiteLine:
    """A site as the table shows it; `changes` are those of its levels since that instant."""
    levels: Levels = entry.levels
    earlier = before(levels, changes, since)
    return SiteLine(
        name=entry.site.name,
        body=entry.site.body,
        region=regions.get(entry.site.region, ""),
        levels=[levels.get(question) for question in QUESTIONS],
        devices=counted(sizes),
        declared=entry.site.declared_devices,
        pending=waiting(sizes),
        moved=moved(levels, earlier) if assessed(earlier) else None,
        assessed=assessed(levels),
        total=total(levels),
    )


def counted(sizes: Sizes) -> int:
    """Devices that count."""
    return sum(sizes.get(state, 0) for state in COUNTED)


def waiting(sizes: Sizes) -> int:
    """Devices that wait for a person."""
    return sizes.get(DeviceState.PENDING, 0) + sizes.get(DeviceState.QUARANTINED, 0)


def in_order(
    entries: Sequence[SiteEntry],
    sizes: Mapping[str, Sizes],
    order: Order,
    *,
    after: Position | None,
    limit: int,
) -> Page[SiteEntry]:
    """A page of sites by what is asked for, and by name where that is alike."""
    turned = -1 if order.startswith("-") else 1

    def place(entry: SiteEntry) -> Position:
        figure = 0
        if order.endswith("level"):
            figure = total(entry.levels)
        elif order.endswith("devices"):
            figure = counted(sizes.get(entry.site.name, {}))
        return turned * figure, entry.site.name.casefold(), entry.site.name

    return page_of(entries, place, after=after, limit=limit)
