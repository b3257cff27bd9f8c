"""Pages of those of a list that somebody may see."""

import pytest

from vigie_server.ports.pages import Page, Position, sifted


class Pages:
    """The numbers from 1 on, of which those are noted that were read."""

    def __init__(self, most: int, read: list[int]) -> None:
        self._most = most
        self._read = read

    def __call__(self, after: Position | None, limit: int) -> Page[int]:
        begun = 0 if after is None else int(after[0])
        found = list(range(begun + 1, min(begun + limit, self._most) + 1))
        self._read += found
        return Page(found, (found[-1],) if found and found[-1] < self._most else None)


def walked(most: int, every: int, limit: int) -> list[list[int]]:
    """All pages of the multiples of a number."""
    pages, after = [], None
    while True:
        page = sifted(Pages(most, []), lambda number: number % every == 0, after=after, limit=limit)
        pages.append(list(page.items))
        after = page.after
        if after is None:
            return pages


@pytest.mark.parametrize("every", [1, 2, 3, 7])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_are_full_but_for_the_last_one_and_hold_each_once(every: int, limit: int) -> None:
    pages = walked(20, every, limit)

    assert [number for page in pages for number in page] == list(range(every, 21, every))
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


def test_where_nothing_may_be_seen_there_is_one_empty_page() -> None:
    assert walked(20, 21, 5) == [[]]


def test_no_more_is_read_than_a_page_and_whether_another_follows() -> None:
    read: list[int] = []

    sifted(Pages(1_000, read), lambda _: True, after=None, limit=5)

    assert max(read) == 10
