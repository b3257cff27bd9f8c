"""In which capital and small letters the beginning of a name may be written, in their order.

Texts are in the order of their code points, which is that of their bytes in UTF-8. A letter whose
other case is not one letter (`ß`) has only its own.
"""

from collections.abc import Sequence

Cases = Sequence[Sequence[str]]
"""The ways to write each sign, in order."""


def cases_of(text: str) -> Cases:
    """How each sign of a text may be written."""
    return [
        sorted(way for way in {sign, sign.lower(), sign.upper()} if len(way) == 1) for sign in text
    ]


def is_spelling(cases: Cases, text: str) -> bool:
    """Whether the text is one of the spellings."""
    return len(text) == len(cases) and all(
        sign in ways for sign, ways in zip(text, cases, strict=True)
    )


def first_spelling(cases: Cases) -> str:
    """The first of all spellings."""
    return "".join(ways[0] for ways in cases)


def spelling_after(cases: Cases, text: str) -> str | None:
    """The first spelling that comes after the text; None: there is none."""
    for place in range(min(len(text), len(cases) - 1), -1, -1):
        if any(text[before] not in cases[before] for before in range(place)):
            continue
        higher = [way for way in cases[place] if place == len(text) or way > text[place]]
        if higher:
            return text[:place] + higher[0] + first_spelling(cases[place + 1 :])
    return None
