r"""The text of an osquery pack, read as leniently as osqueryd and its users do.

Packs in the wild are JSON with comments (`//`, `#`, `/* */`), trailing commas, strings continued
over lines with a backslash, bare line ends inside strings, and escapes that JSON does not have
(`\.` in a regular expression: the backslash is kept). Of a key written twice the first counts, as
in osqueryd. Whatever is wrong is said with the place in the file as it was written.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.errors import PackMalformed

_TOKEN: Final = re.compile(
    r"""
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
    | (?P<continued>\\\r?\n)
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING_ODDITY: Final = re.compile(
    r"""
      (?P<continued>\\\r?\n)
    | (?P<good>\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))
    | (?P<bad>\\)
    """,
    re.VERBOSE,
)
_TRAILING_COMMA: Final = re.compile(r""""(?:[^"\\]|\\.)*"|,(?=\s*[}\]])""", re.DOTALL)


def read_json(text: str, *, source: str) -> dict[str, object]:
    """The object that `text` holds. Raises PackMalformed, naming `source`, line and column."""
    text = text.removeprefix("\ufeff")
    try:
        document = _decode(text)
    except json.JSONDecodeError:
        document = _decode_leniently(text, source)
    if not isinstance(document, dict):
        raise PackMalformed(f"{source}: a pack is a JSON object, not {type(document).__name__}")
    return document


def line_of_key(text: str, key: str) -> int | None:
    """The line, from 1, on which `key` is first written as a key; None when it cannot be told."""
    match = re.search(re.escape(json.dumps(key)) + r"\s*:", text)
    return None if match is None else text.count("\n", 0, match.start()) + 1


def _decode(text: str) -> object:
    return json.loads(text, strict=False, object_pairs_hook=_first_of_each_key)


def _first_of_each_key(pairs: list[tuple[str, object]]) -> dict[str, object]:
    first: dict[str, object] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _decode_leniently(text: str, source: str) -> object:
    plain = _PlainText(text)
    try:
        return _decode(plain.text)
    except json.JSONDecodeError as error:
        position = plain.original_position(error.pos)
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        raise PackMalformed(f"{source}: line {line}, column {column}: {error.msg}") from None


class _PlainText:
    """Plain JSON made of a pack's text, and the way back from its positions to the original's."""

    def __init__(self, original: str) -> None:
        pieces: list[str] = []
        self._starts: list[int] = []
        self._origins: list[int] = []
        length = 0
        for piece, origin in _pieces(original):
            pieces.append(piece)
            self._starts.append(length)
            self._origins.append(origin)
            length += len(piece)
        self.text = _TRAILING_COMMA.sub(_without_comma, "".join(pieces))

    def original_position(self, position: int) -> int:
        """Where in the original the character at `position` of `text` was written."""
        index = bisect_right(self._starts, position) - 1
        return self._origins[index] + position - self._starts[index] if index >= 0 else 0


def _pieces(original: str) -> Iterator[tuple[str, int]]:
    """Parts of plain JSON, each with the position in `original` at which it begins."""
    done = 0
    for token in _TOKEN.finditer(original):
        yield original[done : token.start()], done
        done = token.end()
        if token["string"] is not None:
            yield from _string_pieces(token["string"], token.start())
        else:
            yield " ", token.start()
    yield original[done:], done


def _string_pieces(literal: str, origin: int) -> Iterator[tuple[str, int]]:
    done = 0
    for oddity in _STRING_ODDITY.finditer(literal):
        if oddity["good"] is not None:
            continue
        yield literal[done : oddity.start()], origin + done
        done = oddity.end()
        if oddity["bad"] is not None:
            yield "\\\\", origin + oddity.start()
    yield literal[done:], origin + done


def _without_comma(match: re.Match[str]) -> str:
    # A space keeps every position as it was.
    return " " if match[0] == "," else match[0]
