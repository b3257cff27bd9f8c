"""Has each cell of a page's tables carry the heading of its column, for screens that stack cells.

A telephone has no room for columns: there a row is a card, and a cell has to say what it is. The
templates name each column once, in the head of the table; this copies it. What devices and people
wrote is escaped by then and holds no tag. Tables inside of a cell stay as they are.
"""

import re
from typing import Final

_HEAD: Final = re.compile(r"<thead\b[^>]*>(.*?)</thead>", re.DOTALL)
_HEADING: Final = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_TAG: Final = re.compile(r"<(/?table|tr|th|td)\b[^>]*>")
_UNHEARD: Final = re.compile(r"<span aria-hidden=\"true\">.*?</span>")
_MARKUP: Final = re.compile(r"<[^>]*>")
_SPACES: Final = re.compile(r"[ \t\r\n]+")


def labelled(page: str) -> str:
    """The page, whose cells have the heading of their column in `data-label`."""
    made: list[str] = []
    copied = depth = column = 0
    headings: list[str] = []
    for tag in _TAG.finditer(page):
        name = tag[1]
        if name.endswith("table"):
            depth += 1 if name == "table" else -1
            if depth == 1 and name == "table":
                headings = _headings(page, tag.end())
        elif depth != 1:
            continue
        elif name == "tr":
            column = 0
        else:
            if name == "td" and column < len(headings) and headings[column]:
                made += (page[copied : tag.end() - 1], f' data-label="{headings[column]}"')
                copied = tag.end() - 1
            column += 1
    made.append(page[copied:])
    return "".join(made)


def _headings(page: str, start: int) -> list[str]:
    """What the columns of the table that begins here are called; none without a head."""
    head = _HEAD.search(page, start, max(start, page.find("<tbody", start)))
    return [] if head is None else [_said(heading[1]) for heading in _HEADING.finditer(head[1])]


def _said(heading: str) -> str:
    """The words of a heading, as an attribute takes them."""
    words = _MARKUP.sub("", _UNHEARD.sub("", heading))
    return _SPACES.sub(" ", words).strip(" ").replace('"', "&quot;")
