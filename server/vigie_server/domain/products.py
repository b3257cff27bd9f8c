"""Known products by the names that devices show them under: what a row is, and whether it is over.

A remote-control tool is `TeamViewer` whether a row calls it `TeamViewer 15 Host`,
`TeamViewer_Service.exe` or `com.teamviewer.Helper`: a list that people fill holds the product's
name alone. Where an entry has versions or an end, a product of that name and version is past it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import zip_longest
from typing import ClassVar, Final

from vigie_server.domain.reference import Interned, any_of, content_digest, first_instant_after

Version = tuple[int, ...]

_NUMBERS: Final = re.compile(r"[0-9]{1,18}")
_EPOCH: Final = re.compile(r"[0-9]+:")  # of a Debian or RPM version, which is no part of it
_NAMES_KEPT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Product:
    """One product: the names it goes by (`*` for any characters) and who says so.

    `since` and `below` bound its versions, where names do not tell them. `ends` is the last day of
    its vendor's support.
    """

    name: str
    names: tuple[str, ...]
    source: str
    recorded: date
    since: Version = ()
    below: Version = ()
    ends: date | None = None

    @property
    def ends_at(self) -> int | None:
        """The first instant without support, in UNIX seconds: the day after `ends`, 00:00 UTC."""
        return None if self.ends is None else first_instant_after(self.ends)

    def covers(self, version: str) -> bool:
        """Whether the version is one of the entry's; one that is not readable is of none."""
        if not self.since and not self.below:
            return True
        numbers = version_of(version)
        if not numbers:
            return False
        after = not self.since or not _earlier(numbers, self.since)
        return after and (not self.below or _earlier(numbers, self.below))


class ProductTable:
    """Products, in the order of their file; the first that a name belongs to decides.

    Made by `of`.
    """

    _alive: ClassVar[Interned["ProductTable"]] = Interned()

    def __init__(self, handle: str, products: Iterable[Product]) -> None:
        self.handle: Final = handle
        self.products: Final = tuple(products)
        self._known: Final[dict[str, tuple[Product, ...]]] = {}

    @classmethod
    def of(cls, name: str, products: Iterable[Product]) -> "ProductTable":
        """The table of these products: the same object for the same content."""
        given = tuple(products)
        handle = f"products:{name}:{content_digest(repr(product) for product in given)}"
        return cls._alive.one(handle, lambda: cls(handle, given))

    @classmethod
    def behind(cls, handle: str) -> "ProductTable":
        """The table that a handle names. Raises KeyError when nobody holds it."""
        return cls._alive[handle]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of every product: the table as a list of names."""
        return tuple(name for product in self.products for name in product.names)

    def product(self, name: str) -> str:
        """The product that a name belongs to; empty for none."""
        called = self._called(name)
        return called[0].name if called else ""

    def end(self, name: str, version: str) -> int | None:
        """When the support of this version ended or ends, in UNIX seconds; None for no entry."""
        found = self.entry(name, version)
        return None if found is None else found.ends_at

    def entry(self, name: str, version: str) -> Product | None:
        """The entry that a program of this name and version is of."""
        return next((held for held in self._called(name) if held.covers(version)), None)

    @cached_property
    def _any(self) -> re.Pattern[str]:
        """What any name matches. Patterns are dear to make, and most processes look nothing up."""
        return any_of(name.casefold() for name in self.names)

    @cached_property
    def _patterns(self) -> Sequence[re.Pattern[str]]:
        return [any_of(map(str.casefold, product.names)) for product in self.products]

    def _called(self, name: str) -> tuple[Product, ...]:
        """The entries of a name; remembered, as the devices of a fleet name the same things."""
        known = self._known.get(name)
        if known is None:
            folded = name.strip().casefold()
            known = ()
            if folded and self._any.fullmatch(folded):
                pairs = zip(self.products, self._patterns, strict=True)
                known = tuple(p for p, pattern in pairs if pattern.fullmatch(folded))
            if len(self._known) >= _NAMES_KEPT:
                self._known.clear()
            self._known[name] = known
        return known


def version_of(text: str) -> Version:
    """The numbers of a version, in order: `1:3.0.21-2` is 3, 0, 21, 2."""
    bare = text.strip()
    epoch = _EPOCH.match(bare)
    if epoch is not None:
        bare = bare[epoch.end() :]
    return tuple(int(number) for number in _NUMBERS.findall(bare))


def _earlier(one: Version, other: Version) -> bool:
    for mine, theirs in zip_longest(one, other, fillvalue=0):
        if mine != theirs:
            return mine < theirs
    return False
