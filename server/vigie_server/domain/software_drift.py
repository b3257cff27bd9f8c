"""Which products are installed in several versions, and how many installations are behind. Pure.

What is counted are installations: a device that has a product in two versions has two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from vigie_server.domain.products import ProductTable, Version, version_of

_WHOLE: Final = 1_000_000


class Installed(NamedTuple):
    """How many devices of a system have a version. `listed`: as an entry of the ended products."""

    platform: str
    product: str
    listed: bool
    version: str
    devices: int


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version and how many devices have it. `behind`: a newer one is in use."""

    version: str
    devices: int
    behind: bool


@dataclass(frozen=True, slots=True)
class ProductInUse:
    """A product on one system; `versions` the newest first.

    `ends_at`: the first instant without the vendor's support, of an entry of the list of ended
    products; None: it is a watched product, which is compared.
    """

    platform: str
    product: str
    versions: Sequence[HeldVersion]
    ends_at: datetime | None = None

    @property
    def installations(self) -> int:
        return sum(held.devices for held in self.versions)

    @property
    def behind(self) -> int:
        """Installations of a version older than the newest one in use."""
        return sum(held.devices for held in self.versions if held.behind)

    @property
    def share_behind(self) -> float:
        """Of the installations, 0 to 1."""
        return self.behind / self.installations

    def ended(self, now: datetime) -> bool:
        """Whether its vendor's support is over."""
        return self.ends_at is not None and self.ends_at <= now

    def place(self, now: datetime) -> tuple[int, int, str, str]:
        """Ended ones first, those on most devices before; then the ones that are most behind."""
        first = 0 if self.ended(now) else 1 if self.ends_at is None else 2
        weight = self.installations if first != 1 else round(self.share_behind * _WHOLE)
        return first, -weight, self.product, self.platform


def products_in_use(installed: Iterable[Installed], ended: ProductTable) -> list[ProductInUse]:
    """Every product with its versions; entries that the list holds no more are passed over."""
    ends = {held.name: held.ends_at for held in ended.products}
    found: dict[tuple[str, str, bool], dict[str, int]] = {}
    for one in installed:
        versions = found.setdefault((one.platform, one.product, one.listed), {})
        versions[one.version] = versions.get(one.version, 0) + one.devices
    made = []
    for (platform, product, listed), versions in found.items():
        end = ends.get(product) if listed else None
        if listed and end is None:
            continue
        at = None if end is None else datetime.fromtimestamp(end, UTC)
        made.append(ProductInUse(platform, product, _held(versions), at))
    return made


def _held(versions: Mapping[str, int]) -> Sequence[HeldVersion]:
    newest = max(map(_numbers, versions))
    ordered = sorted(versions, key=lambda version: (_numbers(version), version), reverse=True)
    return [
        HeldVersion(version, versions[version], behind=_numbers(version) < newest)
        for version in ordered
    ]


def _numbers(version: str) -> Version:
    """Without zeros at the end: 3.0 and 3.0.0 are one version."""
    numbers = version_of(version)
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers
