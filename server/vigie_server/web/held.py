"""Tokens and accounts, as the API shows them within a caller's scope: in pages, and each alone."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Generic, Protocol, TypeVar

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from vigie_server.domain.errors import NotFound
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.listing import Asked, Listing, PageShape
from vigie_server.web.tags import tagged

MOST_DAYS: Final = 3650
_LONGEST_TOLD: Final = 40
_BATCH: Final = 500
"""Items that are read together for a caller who may see few of them."""

ScopeSent = Annotated[
    list[Annotated[str, Field(max_length=200)]] | None,
    Field(max_length=1000, description="Null: every site.", examples=[["Les Tilleuls"]]),
]
"""The sites that a token or an account is for."""


class SecretMade(BaseModel):
    """A token's id, and its text, which is never shown again."""

    id: str = Field(examples=["5d0c9e1f"])
    token: str


def scope_sent(sites: list[str] | None) -> frozenset[str] | None:
    """The scope that is asked for; None: every site."""
    return None if sites is None else frozenset(sites)


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Named)
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)  # a generic class that is told its types has no slots
class HeldOf(Generic[Item, Shape]):
    """Items in the order of their ids; `what` names one.

    `pages` gives those after a place, (id,), at most so many; it may leave out what is of no site
    of the given ones. `found` gives that of an id or raises NotFound; `seen` says whether one is in
    a caller's scope.
    """

    what: str
    pages: Callable[[Sites, Position | None, int], Page[Item]]
    found: Callable[[str], Item]
    seen: Callable[[ApiCaller, Item], bool]
    shown: Callable[[Item], Shape]
    model: type[PageShape[Shape]]
    shape: type[Shape]

    def one(self, caller: ApiCaller, item_id: str) -> Item:
        """Raises NotFound for one outside the scope too."""
        with suppress(NotFound):
            item = self.found(item_id)
            if self.seen(caller, item):
                return item
        raise NotFound(f"no {self.what} {item_id[:_LONGEST_TOLD]}")

    def tagged(self, caller: ApiCaller, item_id: str, request: Request) -> Response:
        """One, with its `ETag`. Raises NotFound."""
        return tagged(request, self.shown(self.one(caller, item_id)))

    def page(self, caller: ApiCaller, asked: Asked) -> Response:
        """The page that is asked for."""
        listing = Listing[Item, Shape](self.model, self.shape, self.shown, (str,))
        return listing.answer(
            asked,
            lambda after, limit: self._seen(caller, after, limit),
        )

    def _seen(self, caller: ApiCaller, after: Position | None, limit: int) -> Page[Item]:
        """A page of those in the caller's scope; no more is read than it takes, by the batch."""
        batch = limit + 1 if caller.sites is None else max(limit + 1, _BATCH)
        found: list[Item] = []
        while len(found) <= limit:
            page = self.pages(caller.sites, after, batch)
            found += (item for item in page.items if self.seen(caller, item))
            after = page.after
            if after is None:
                break
        return Page(found[:limit], (found[limit - 1].id,) if len(found) > limit else None)
