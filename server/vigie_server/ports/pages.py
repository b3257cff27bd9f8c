"""Lists are read in pages: where one ends, the next begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Position = tuple[str | int, ...]
"""The place of an item in the order of its list: what a page begins after."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items in order. `after` is the place of the last one; None: no more follow."""

    items: Sequence[Item]
    after: Position | None = None


Pages = Callable[[Position | None, int], Page[Item]]
"""Gives the page of at most so many items after a place, or the first one."""


def page_of(
    items: Sequence[Item],
    place: Callable[[Item], Position],
    *,
    after: Position | None,
    limit: int,
) -> Page[Item]:
    """A page of a list that is at hand whole, in the order of its places."""
    ordered = sorted(items, key=place)
    rest = [item for item in ordered if after is None or place(item) > after]
    return Page(rest[:limit], place(rest[limit - 1]) if len(rest) > limit else None)


def sifted(
    pages: Pages[Item], shown: Callable[[Item], bool], *, after: Position | None, limit: int
) -> Page[Item]:
    """A page of those of a list that are `shown`; as much of it is read as that takes."""
    found: list[Item] = []
    while True:
        page = pages(after, limit - len(found))
        found += filter(shown, page.items)
        after = page.after
        if after is None or len(found) == limit:
            break
    beyond = after
    while beyond is not None:  # a next page has something to show
        page = pages(beyond, limit)
        if any(map(shown, page.items)):
            return Page(found, after)
        beyond = page.after
    return Page(found)
