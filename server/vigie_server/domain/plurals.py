"""Words that follow a number, in French and English: the one place where plural forms are chosen.

The words are written `équipement|équipements`, and come with the number: `3 équipements`. Written
`|déclaré|déclarés`, they come without it, for what agrees with a number said elsewhere.
"""

import re
from typing import Final

WORDS: Final = re.compile(r"(?P<alone>\|?)(?P<one>[^|]+)\|(?P<many>[^|]+)")


def counted(count: float, words: str, language: str = "en") -> str:
    """`1 device`, `3 devices`, `0 équipement`: French has the plural from two on.

    Raises ValueError where the words are not of one of the two forms.
    """
    form = WORDS.fullmatch(words)
    if form is None:
        raise ValueError(f"`{words}` is not of the form one|many or |one|many")
    singular = abs(count) < 2 if language == "fr" else count == 1  # noqa: PLR2004 (the rule)
    word = form["one"] if singular else form["many"]
    return word if form["alone"] else f"{count} {word}"


class Counted(int):
    """A number that a `str.format` template may follow with words: `{count:device|devices}`."""

    language: str

    @classmethod
    def of(cls, count: int, language: str) -> "Counted":
        """The number, for templates of this language."""
        found = cls(count)
        found.language = language
        return found

    def __format__(self, spec: str) -> str:
        return counted(int(self), spec, self.language) if "|" in spec else format(int(self), spec)
