"""Every list of the API: one form of pages, and for the long ones CSV and NDJSON as streams.

A page holds `items` and `next`, the path of the page after it. A stream goes through all pages from
the one that is asked for: it holds one of them at a time, and each is its own look at the store.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from inspect import signature
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.ports.lists import ItemsInJson
from vigie_server.ports.pages import Page, Pages, Position
from vigie_server.web.cursors import LONGEST, Kinds, cursor_of, place_of
from vigie_server.web.exports import csv_head, csv_lines, json_of, ndjson_lines

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
"""Items that a page holds at most, where the application does not say otherwise (`page_most`)."""
CEILING: Final = 10_000
"""The most that it may say."""
STREAM_PAGE: Final = 1000
"""Items of a stream that are in memory together."""
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"

PageLimit = Annotated[int | None, Query(ge=1, le=CEILING, description="Items a page.")]
CursorText = Annotated[
    str | None,
    Query(
        max_length=LONGEST,
        description="Where the page begins: from `next` of the page before, with its filters.",
    ),
]

Item = TypeVar("Item")
Shape = TypeVar("Shape", bound=BaseModel)
Fields = dict[str, Any]
"""The fields of a shape by their names, in its order."""


class Form(StrEnum):
    """How a list is written. `csv` and `ndjson` give all of it, whatever `limit` says."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


class PageShape(BaseModel, Generic[Shape]):
    """A page of a list. `next` is the path of the page that follows, null after the last one."""

    items: list[Shape]
    next: str | None = Field(
        default=None,
        description="Path and query of the next page; null: there is none.",
        examples=["/api/v1/devices?limit=100&cursor=WzEsImFi"],
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of a list beside its filters."""

    request: Request
    limit: int
    cursor: str | None
    form: Form

    @property
    def listing(self) -> str:
        """What the list is: its path, filters and order."""
        filters = [pair for pair in self._query() if pair[0] != "limit"]
        return f"{self.request.url.path}?{urlencode(sorted(filters))}"

    def next(self, place: Position | None) -> str | None:
        """The path of the page after this place."""
        if place is None:
            return None
        query = [*self._query(), ("cursor", cursor_of(self.listing, place))]
        return f"{self.request.url.path}?{urlencode(query)}"

    def place(self, kinds: Kinds) -> Position | None:
        """Where the page begins. Raises CursorRefused."""
        return None if self.cursor is None else place_of(self.listing, kinds, self.cursor)

    def _query(self) -> list[tuple[str, str]]:
        beside = {"cursor", "format"}
        return [pair for pair in self.request.query_params.multi_items() if pair[0] not in beside]


def page_most(request: Request) -> int:
    """How many items a page may hold."""
    return int(getattr(request.scope.get("app"), "page_most", MAX_PAGE))


def within_most(request: Request, limit: int | None) -> int:
    """The items of the page that is asked for. Raises DeclarationRefused."""
    most = page_most(request)
    if limit is not None and limit > most:
        raise DeclarationRefused(f"query.limit: a page holds {most} items at most: follow `next`")
    return min(DEFAULT_PAGE, most) if limit is None else limit


async def _asked(request: Request, *, limit: PageLimit = None, cursor: CursorText = None) -> Asked:
    return Asked(request, within_most(request, limit), cursor, Form.JSON)


async def _asked_long(
    request: Request,
    *,
    limit: PageLimit = None,
    cursor: CursorText = None,
    format: Annotated[  # noqa: A002 (the name of the parameter)
        Form | None,
        Query(description="`csv` or `ndjson`: the whole list as a stream. `Accept` says it too."),
    ] = None,
) -> Asked:
    form = format or accepted(request.headers.get("accept", ""))
    return Asked(request, within_most(request, limit), cursor, form)


def at_once(make: Callable[..., Item]) -> Callable[..., Awaitable[Item]]:
    """`make` as a dependency that is called in place.

    FastAPI hands what is not a coroutine to a thread, which costs more than putting filters
    together.
    """

    async def made(**given: Any) -> Item:
        return make(**given)

    made.__signature__ = signature(make)  # type: ignore[attr-defined]  # what FastAPI reads
    return made


Paged = Annotated[Asked, Depends(_asked)]
"""The parameters of a list."""
Streamed = Annotated[Asked, Depends(_asked_long)]
"""The parameters of a long list, which is written as CSV and NDJSON too."""

STREAMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {}, NDJSON: {}}, "description": "A page, or the whole list as a stream"}
}
"""What the documentation says of a long list's answer."""


@dataclass(frozen=True)  # a generic class that is told its types has no slots
class Listing(Generic[Item, Shape]):
    """How items are shown. `kinds` are the types of their places.

    `shown` gives the shape, or for long lists its fields: an item that the store has told needs no
    validation, and a page of a thousand has no time for it.
    """

    model: type[PageShape[Shape]]
    shape: type[Shape]
    shown: Callable[[Item], Shape | Fields]
    kinds: Kinds

    def answer(
        self,
        asked: Asked,
        pages: Pages[Item],
        *,
        written: Callable[[Position | None, int], ItemsInJson] | None = None,
        **beside: Any,
    ) -> Response:
        """The page that is asked for, with `beside` in it, or the stream. Raises CursorRefused.

        `written` gives the items of a page as the store wrote them, where it does.
        """
        place = asked.place(self.kinds)
        if asked.form is not Form.JSON:
            return self._stream(asked, pages, place)
        if written is not None:
            return _as_written(asked, written(place, asked.limit))
        page = pages(place, asked.limit)
        items = [self.shown(item) for item in page.items]
        count_rows(asked.request, len(items))
        made = {"items": items, "next": asked.next(page.after), **beside}
        return Response(json_of(made), media_type="application/json")

    def _stream(self, asked: Asked, pages: Pages[Item], place: Position | None) -> Response:
        first = pages(place, STREAM_PAGE)  # its errors are still an answer
        if asked.form is Form.NDJSON:
            return StreamingResponse(
                map(ndjson_lines, self._shown_pages(asked, pages, first)), media_type=NDJSON
            )
        return StreamingResponse(
            self._csv(asked, pages, first),
            media_type=f"{CSV}; charset=utf-8",
            headers={"Content-Disposition": "attachment"},
        )

    def _csv(self, asked: Asked, pages: Pages[Item], first: Page[Item]) -> Iterator[str]:
        yield csv_head(self.shape)
        for shown in self._shown_pages(asked, pages, first):
            yield csv_lines(self.shape, shown)

    def _shown_pages(
        self, asked: Asked, pages: Pages[Item], first: Page[Item]
    ) -> Iterator[list[Shape | Fields]]:
        page = first
        while True:
            count_rows(asked.request, len(page.items))
            yield [self.shown(item) for item in page.items]
            if page.after is None:
                return
            page = pages(page.after, STREAM_PAGE)


def _as_written(asked: Asked, found: ItemsInJson) -> Response:
    count_rows(asked.request, found.number)
    following = json_of(asked.next(found.after))
    body = b"".join((b'{"items":[', found.items, b'],"next":', following, b"}"))
    return Response(body, media_type="application/json")


def count_rows(request: Request, rows: int) -> None:
    """Adds to what this request has been given, for the audit of contractors."""
    request.state.rows = getattr(request.state, "rows", 0) + rows


def accepted(accept: str) -> Form:
    """The form that a header `Accept` asks for."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    by_type: Mapping[str, Form] = {CSV: Form.CSV, NDJSON: Form.NDJSON}
    return next((by_type[kind] for kind in wanted if kind in by_type), Form.JSON)
