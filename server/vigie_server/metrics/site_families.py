"""Families of sites that other parts work out: a block a site, replaced when the site changes."""

from collections.abc import Iterable
from typing import Final

from vigie_server.metrics.blocks import Block
from vigie_server.metrics.exposition import Family


class SiteFamily:
    """The blocks of one family by site. Changed on the event loop alone."""

    def __init__(self, family: Family) -> None:
        self.family: Final = family
        self._blocks: dict[str, Block] = {}

    def put(self, site: str, lines: Iterable[str]) -> None:
        """Replaces the site's lines; without any it disappears."""
        text = "".join(lines).encode()
        if text:
            self._blocks[site] = Block(text)
        else:
            self._blocks.pop(site, None)

    def keep(self, sites: Iterable[str]) -> None:
        """Forgets all sites but these."""
        for gone in self._blocks.keys() - set(sites):
            del self._blocks[gone]

    def knows(self, site: str) -> bool:
        """Whether the site has lines."""
        return site in self._blocks

    def blocks(self, sites: frozenset[str] | None) -> list[Block]:
        """The blocks of these sites, None for all, as they are now."""
        if sites is None:
            return list(self._blocks.values())
        return [self._blocks[site] for site in sorted(sites & self._blocks.keys())]


class CommonFamily(SiteFamily):
    """Lines of no site: written once, shown in every scope."""

    def __init__(self, family: Family, lines: Iterable[str]) -> None:
        super().__init__(family)
        self._block = Block("".join(lines).encode())

    def blocks(self, sites: frozenset[str] | None) -> list[Block]:  # noqa: ARG002 (of every scope)
        """The one block."""
        return [self._block]
