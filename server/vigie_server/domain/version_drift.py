"""Whether the devices of a site run one version of each watched product. Pure.

A version is overdue when a newer one was first seen on the site longer ago than a rollout may take.
So a product that changes every fortnight gives no grace for ever to the device that stands still.
First sights are remembered between two looks; before a whole window was watched, several versions
beside one another prove neither a rollout nor its absence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from vigie_server.domain.products import version_of

REMEMBERED: Final = 20
"""Versions of one product whose first sight is kept."""
VERSIONS_KEPT: Final = 4_096
"""Versions whose place among others is kept: the sites of a fleet run the same ones."""

Product = tuple[str, str]
"""The system and the product's name: versions of two systems' packages do not compare."""
Held = Sequence[tuple[str, Sequence[str]]]
"""Products by name, each with versions."""


@dataclass(frozen=True, slots=True)
class Memory:
    """When the site was first looked at, and when each version was first seen there."""

    began: datetime | None
    seen: Mapping[Product, Mapping[str, datetime]]

    @classmethod
    def of(cls, kept: Mapping[str, object]) -> "Memory":
        """What `kept` gave; nothing where it is not readable: the window then begins anew."""
        try:
            seen: dict[Product, dict[str, datetime]] = {}
            for platform, product, version, at in kept["seen"]:  # type: ignore[attr-defined]
                seen.setdefault((str(platform), str(product)), {})[str(version)] = _instant(at)
            return cls(_instant(kept["began"]), seen)
        except (KeyError, TypeError, ValueError, OverflowError):
            return cls(None, {})

    def kept(self) -> Mapping[str, object]:
        """The memory as JSON can hold it."""
        assert self.began is not None  # noqa: S101 (a look has a beginning)
        return {
            "began": int(self.began.timestamp()),
            "seen": [
                [platform, product, version, int(at.timestamp())]
                for (platform, product), versions in sorted(self.seen.items())
                for version, at in sorted(versions.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class Drift:
    """What a look found. `mixed` products have several versions, `overdue` one for too long."""

    mixed: Held
    overdue: Held
    watched_long_enough: bool
    memory: Memory
    began: datetime
    until: datetime | None


def drift_of(
    present: Mapping[Product, Mapping[str, int]],
    memory: Memory,
    *,
    window: timedelta,
    now: datetime,
) -> Drift:
    """The versions that are present, with what was seen before."""
    began = min(memory.began or now, now)
    seen = {
        product: _seen(held, memory.seen.get(product, {}), now) for product, held in present.items()
    }
    mixed, overdue, ends = [], [], []
    for product, held in sorted(present.items()):
        if len(held) < 2:  # noqa: PLR2004 (several)
            continue
        named = f"{product[1]}, {product[0]}"
        mixed.append((named, sorted(held, key=_order)))
        late = []
        for version in sorted(held, key=_order):
            newer = [at for other, at in seen[product].items() if _order(other) > _order(version)]
            if not newer:
                continue
            end = min(newer) + window
            if end <= now:
                late.append(version)
            else:
                ends.append(end)
        if late:
            overdue.append((named, late))
    if began + window > now:
        ends.append(began + window)
    return Drift(
        mixed=mixed,
        overdue=overdue,
        watched_long_enough=began + window <= now,
        memory=Memory(began, {**memory.seen, **seen}),
        began=began,
        until=min(ends, default=None),
    )


def _seen(
    held: Mapping[str, int], before: Mapping[str, datetime], now: datetime
) -> Mapping[str, datetime]:
    """First sights, of what is there and of newer versions that came and went."""
    lowest = min(map(_order, held))
    known = {version: at for version, at in before.items() if _order(version) >= lowest}
    known = {version: min(at, now) for version, at in known.items()}
    for version in held:
        known.setdefault(version, now)
    gone = sorted((version for version in known if version not in held), key=_order)
    for version in gone[: max(0, len(known) - REMEMBERED)]:
        del known[version]
    return known


@lru_cache(VERSIONS_KEPT)
def _order(version: str) -> tuple[tuple[int, ...], str]:
    return version_of(version), version


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), UTC)
