"""Reports of facilities, bodies and regions: what they are read from, and who makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vigie_server.domain.facility_report.content import Kind, Making, Period
from vigie_server.domain.facility_report.document import Document
from vigie_server.domain.facility_report.sources import DevicesSeen, SiteHistory, SitesMoved
from vigie_server.ports.declaring import Sites


class Format(StrEnum):
    """In which form a report is written."""

    PDF = "pdf"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which report: its form, its language (`fr`, `en`), what it covers and who makes it."""

    format: Format
    language: str
    period: Period
    making: Making


class ReportReading(Protocol):
    """What no other reader gives. Blocking. A site that does not exist raises NotFound."""

    def devices(self, site: str) -> DevicesSeen:
        """The devices that count, and the verdicts on them."""
        ...

    def history(self, site: str, *, since: datetime) -> SiteHistory:
        """How its levels changed since then."""
        ...

    def moved(self, kind: Kind, name: str, within: Sites, *, since: datetime) -> SitesMoved:
        """How many of the sites of a body or a region stand higher or lower than then."""
        ...


class Renderer(Protocol):
    """Lays a document out. Blocking. Raises ReportsBusy, ReportNotMade."""

    def __call__(self, document: Document) -> bytes: ...


Renderers = Mapping[Format, Renderer]


class Reports(Protocol):
    """Makes reports from the store. Blocking: call it from a worker thread.

    Raises NotFound, StoreBusy, ReportsBusy, ReportNotMade.
    """

    def of_site(self, site: str, wanted: Wanted) -> bytes: ...

    def of_body(self, body: str, within: Sites, wanted: Wanted) -> bytes:
        """Of those of its sites that are within the scope."""
        ...

    def of_region(self, region: str, within: Sites, wanted: Wanted) -> bytes:
        """Of those of its sites that are within the scope; `region` is an INSEE code."""
        ...


@dataclass(frozen=True, slots=True)
class Filed:
    """What a filed report is of: a site, a body, or a region by its code; in which form."""

    kind: Kind
    name: str
    form: Format
    language: str


class Shelf(Protocol):
    """Where reports are filed by month (`2026-02`). Blocking; raises OSError."""

    def holds(self, month: str, what: Filed) -> bool: ...

    def put(self, month: str, what: Filed, content: bytes) -> None:
        """Whole or not at all, readable by the server's account alone."""
        ...

    def clear_before(self, month: str) -> int:
        """Takes away the months before this one; gives how many."""
        ...
