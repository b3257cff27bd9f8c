"""Text for terminals whose lines do not end at a no-break space.

Rich takes every space of Unicode for one that a line may end at, those of French before a colon and
inside of a number too. While it measures and wraps, signs stand there that it takes for letters.
"""

import re
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.containers import Lines
from rich.measure import Measurement
from rich.text import Text

_LETTERS: Final = {0x00A0: "\ue000", 0x202F: "\ue001", 0x2007: "\ue002"}
"""Of the private use area, one cell wide each as what they stand for."""
_SPACES: Final = {ord(letter): chr(space) for space, letter in _LETTERS.items()}
_JOINED: Final = re.compile(r"[^ \t\n]+")


class UnbrokenText(Text):
    """A text of rich that keeps together what no-break spaces join, if a line has room for it."""

    def wrap(self, console: Console, width: int, **given: Any) -> Lines:
        lines = self._in_letters(within=width).wrap(console, width, **given)
        for line in lines:
            line.plain = line.plain.translate(_SPACES)
        return lines

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        within = options.max_width
        return self._in_letters(within=within).__rich_measure__(console, options)

    def _in_letters(self, *, within: int) -> Text:
        def stood_in(joined: re.Match[str]) -> str:
            return joined[0].translate(_LETTERS) if cell_len(joined[0]) <= within else joined[0]

        text = self.copy()
        text.plain = _JOINED.sub(stood_in, text.plain)
        return text
