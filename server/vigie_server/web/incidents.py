"""`/api/v1/sites/{site}/incidents`: a site's incident log ("main courante")."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from vigie_server.domain.incident_log import Entry, NewEntry, as_csv, checked
from vigie_server.ports.incidents import IncidentLog
from vigie_server.ports.site_lists import SiteLists
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.listing import Listing, Paged, PageShape

CSV: Final = "text/csv; charset=utf-8"
_MARK: Final = "\ufeff"  # spreadsheets take a file without it for Windows' own letters


class EntrySent(BaseModel):
    """What to note: when it was, who acted or informs, and the action or event."""

    model_config = ConfigDict(extra="forbid")

    happened_at: AwareDatetime | None = None
    person: str
    text: str


class EntryShape(BaseModel):
    """An entry. `digest` covers it and the entry before it."""

    number: int
    happened_at: datetime
    recorded_at: datetime
    person: str
    text: str
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryShape":
        """The entry, word for word."""
        return cls(
            number=entry.number,
            happened_at=entry.happened_at,
            recorded_at=entry.recorded_at,
            person=entry.person,
            text=entry.text,
            digest=entry.digest.hex(),
        )


class EntryList(PageShape[EntryShape]):
    """The log, in order."""


ENTRIES: Final = Listing(EntryList, EntryShape, EntryShape.of, (int,))


class CheckShape(BaseModel):
    """Whether the log is as it was recorded: the first wrong entry, entries missing at its end."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None
    missing: int


def incidents_router(
    access: Access, *, log: IncidentLog, lists: SiteLists, now: Callable[[], datetime]
) -> APIRouter:
    """The routes of incident logs."""
    router = APIRouter(prefix="/api/v1/sites/{site}")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)

    @router.get("/incidents", response_model=EntryList)
    def list_entries(site: str, caller: Reader, asked: Paged) -> Response:
        """The entries, the oldest first."""
        require_site(caller, site)
        return ENTRIES.answer(
            asked, lambda after, limit: lists.incidents(site, after=after, limit=limit)
        )

    @router.get("/incidents.csv", response_class=Response)
    def export(site: str, caller: Reader, *, language: Literal["fr", "en"] = "fr") -> Response:
        """The log for a spreadsheet."""
        require_site(caller, site)
        return Response(_MARK + as_csv(log.entries(site), language), media_type=CSV)

    @router.get("/incidents/check")
    def check(site: str, caller: Reader) -> CheckShape:
        """Whether nobody changed or removed an entry."""
        require_site(caller, site)
        found = log.check(site)
        return CheckShape(
            intact=found.intact,
            entries=found.entries,
            head=found.head,
            broken_at=found.broken_at,
            missing=found.missing,
        )

    @router.post("/incidents", status_code=HTTPStatus.CREATED)
    def note(site: str, sent: EntrySent, caller: Writer, response: Response) -> EntryShape:
        """Adds an entry, dated now unless it says when; 200 where it was added before."""
        require_site(caller, site)
        act = acting(caller, now())
        given = NewEntry(sent.happened_at or act.at, sent.person, sent.text)
        entry, new = log.append(site, checked(given, now=act.at), act)
        if not new:
            response.status_code = HTTPStatus.OK
        return EntryShape.of(entry)

    return router
