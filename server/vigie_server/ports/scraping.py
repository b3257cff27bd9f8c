"""What a scraper asks for, and who answers: `/metrics` asks, the read model of metrics answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TextFormat(StrEnum):
    """The two text formats of metrics: they differ in their headers and in their end."""

    CLASSIC = "classic"
    OPENMETRICS = "openmetrics"


@dataclass(frozen=True, slots=True)
class Scrape:
    """How the families of the fleet are wanted; `sites`: of these alone, None for all."""

    text_format: TextFormat
    gzip: bool = False
    sites: frozenset[str] | None = None


class FleetMetrics(Protocol):
    """The families of devices and sites. For the event loop, which it never holds for long."""

    async def __call__(
        self, scrape: Scrape, *, before: bytes = b"", after: bytes = b""
    ) -> AsyncIterator[bytes]:
        """The families in pieces, with a text before and one after them; compressed as asked for.

        Raises FleetNotRead while devices are missing that the store knows.
        """
        ...

    def knows(self, site: str) -> bool:
        """Whether anything is shown of the site."""
        ...
