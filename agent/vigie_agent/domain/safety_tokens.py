"""The little of SQL that must be read as text: where a statement ends, and lists of literals.

SQLite's own lexical rules: comments, four kinds of quotes, and nothing else that can hide a
semicolon or a bracket. Outside of quotes, only ASCII is read: SQLite takes some of the rest for
spaces and some for names. Meaning is never guessed from these tokens: it comes from SQLite itself
(`safety_prepare`); the tokens only serve to ask it about one element of a list at a time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final


class Kind(StrEnum):
    """What a piece of SQL text is."""

    SPACE = auto()
    STRING = auto()
    NUMBER = auto()
    NAME = auto()
    PARAMETER = auto()
    SYMBOL = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL text and where it stands."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The position after its last character."""
        return self.start + len(self.text)

    @property
    def is_plain(self) -> bool:
        """Whether it is a name without quotes, of ASCII letters, digits and underscores."""
        return self.kind is Kind.NAME and self.text.isascii() and self.text.isidentifier()

    @property
    def word(self) -> str:
        """A plain name in capitals, so that keywords can be told; anything else as it stands."""
        return self.text.upper() if self.is_plain else self.text

    @property
    def unquoted(self) -> str:
        """What is between the quotes, of whichever kind; anything else as it stands."""
        if self.kind in {Kind.NAME, Kind.STRING} and self.text[0] in _QUOTES:
            quote = _QUOTES[self.text[0]]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


@dataclass(frozen=True, slots=True)
class Edit:
    """What to put in the place of a part of a statement."""

    start: int
    end: int
    text: str


def edited(sql: str, edits: Iterable[Edit]) -> str:
    """The statement after edits that do not overlap."""
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [sql[position : edit.start], edit.text]
        position = edit.end
    return "".join([*pieces, sql[position:]])


_QUOTES: Final = {"'": "'", '"': '"', "`": "`", "[": "]"}


class Unreadable(Exception):
    """The text is not SQL: an unfinished quote, or a character that SQL does not have."""


_TOKEN: Final = re.compile(
    r"""
      (?P<space> [ \t\n\f\r]+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> '(?:[^']|'')*' )
    | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | [A-Za-z_][A-Za-z0-9_$]* )
    | (?P<number> 0[xX][0-9A-Fa-f_]+ | (?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)? )
    | (?P<parameter> [?:@$][A-Za-z0-9_:]* )
    | (?P<symbol> \|\| | ->> | -> | << | >> | <= | >= | <> | != | == | [-+*/%=<>|&~();,.] )
    """,  # noqa: E501 (one alternative a line reads best)
    re.VERBOSE | re.DOTALL,
)


def tokens_of(sql: str) -> Iterator[Token]:
    """The statement's tokens, spaces and comments left out. Raises Unreadable."""
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None or match.lastgroup is None:
            raise Unreadable(f"what stands at character {position + 1} is not SQL")
        position = match.end()
        kind = Kind(match.lastgroup)
        if kind is not Kind.SPACE:
            yield Token(kind, match.group(), match.start())


@dataclass(frozen=True, slots=True)
class LiteralList:
    """An `IN ('...', '...')` of two literals or more: what stands between its brackets."""

    start: int
    end: int
    literals: tuple[Token, ...]


def literal_lists(tokens: tuple[Token, ...]) -> Iterator[LiteralList]:
    """Every `IN (...)` that holds two literals or more, and nothing else."""
    for index, token in enumerate(tokens[:-1]):
        if token.word == "IN" and tokens[index + 1].text == "(":
            found = _list_after(tokens, index + 1)
            if found is not None and len(found.literals) > 1:
                yield found


def _list_after(tokens: tuple[Token, ...], bracket: int) -> LiteralList | None:
    literals: list[Token] = []
    for literal, follower in zip(tokens[bracket + 1 :: 2], tokens[bracket + 2 :: 2], strict=False):
        if literal.kind not in {Kind.STRING, Kind.NUMBER}:
            return None
        literals.append(literal)
        if follower.text == ")":
            return LiteralList(tokens[bracket].end, follower.start, tuple(literals))
        if follower.text != ",":
            return None
    return None


def one_each(lists: Iterable[LiteralList], turn: int) -> Iterator[Edit]:
    """Leaves one literal in each list: the one whose turn it is, or the last."""
    for found in lists:
        literal = found.literals[min(turn, len(found.literals) - 1)]
        yield Edit(found.start, found.end, literal.text)
