"""A report as it is read: sections of a few kinds of blocks, in one language, ready to lay out.

Whatever lays it out adds no word of its own and takes every text as text, never as markup.
"""

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a cell or a paragraph stands out; never alone: the text says it too."""

    PLAIN = ""
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; `ordered` ones are numbered."""

    items: tuple[str, ...]
    ordered: bool = False
    kind: str = "bullets"


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels with their values; of kind `terms`, words with what they mean."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "fields"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column heads its rows. `widths` are shares of the page's width."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[int, ...]
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Scale:
    """A level on its scale, 0 to 4; None: not assessed. `label` says it, `text` in full words."""

    level: int | None
    label: str
    text: str
    kind: str = "scale"


Block = Paragraph | Bullets | Fields | Table | Scale


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, at depth 1 to 3, and what stands under it. `id` is for links."""

    id: str
    depth: int
    heading: str
    blocks: tuple[Block, ...]
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. `cover` are the fields of its first page, `running` stands on every page.

    `made_at` in UNIX seconds.
    """

    language: str
    made_at: int
    title: str
    subject: str
    cover: tuple[tuple[str, str], ...]
    running: str
    page: str
    sections: tuple[Section, ...]
    contents: str
