"""Texts that the server keeps or gives in English, told in French by what they look like."""

import re
from collections.abc import Callable, Mapping

from vigie_server.domain.french import spaced


class Phrases:
    """English templates, with `{}` for what they name, and how each is told in French.

    The first that fits is told. `value` puts what is named in French too.
    """

    def __init__(self, told: Mapping[str, str], value: Callable[[str], str] = str) -> None:
        self._told = tuple((_pattern(english), spaced(french)) for english, french in told.items())
        self._value = value

    def __call__(self, text: str) -> str | None:
        """The text in French; None where nobody has put it so."""
        for pattern, told in self._told:
            found = pattern.fullmatch(text)
            if found is not None:
                return told.format(*map(self._value, found.groups()))
        return None


def _pattern(template: str) -> re.Pattern[str]:
    *first, last = template.split("{}")
    ends = ["(.+?)"] * (len(first) - 1) + ["(.+)"] * bool(first)
    parts = [re.escape(part) + end for part, end in zip(first, ends, strict=True)]
    written = "".join(parts) + re.escape(last)
    # A name with an apostrophe is quoted by the other sign.
    written = written.replace("'(", "['\"](").replace(")'", ")['\"]")
    return re.compile(written, re.DOTALL)
