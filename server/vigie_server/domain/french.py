"""The spaces of French, so that nobody has to type them. Pure."""

import re
from typing import Final

NO_BREAK: Final = "\u00a0"
NARROW: Final = "\u202f"

_BEFORE: Final = re.compile(r"(?<=\S)[ \u00a0](?=[;!?](?:[\s»)]|$))")
_COLON: Final = re.compile(r"(?<=\S) (?=[:»%](?:\W|$))")
_AFTER: Final = re.compile(r"« ")
_BREAKS: Final = re.compile(r"\S [:;!?»%](?:\W|$)|« ")


def spaced(text: str) -> str:
    """The text with the no-break spaces that its signs want."""
    text = _AFTER.sub("«" + NO_BREAK, text)
    return _COLON.sub(NO_BREAK, _BEFORE.sub(NARROW, text))


def breaking(text: str) -> list[str]:
    """Where a line of the text could begin with a sign, or end with « ."""
    return [text[max(0, at.start() - 20) : at.end() + 5] for at in _BREAKS.finditer(text)]
