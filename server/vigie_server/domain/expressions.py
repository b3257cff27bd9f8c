"""The text of a CEL expression as a tree: as much of the language as rules on time are written in.

Only `domain/lasting.py` reads it, and never to judge: what an expression gives is asked of the CEL
library. So whatever is not read here (maps, optional fields, escapes, other literals) costs time
and nothing else: `NotRead`.

Operators are calls by their sign: `a && b` is `Call("&&", None, (a, b))`, `a ? b : c` a call of
`?`, `-a` one of `neg`. A method's receiver is `of`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias


class NotRead(Exception):
    """The text holds something that is not understood here."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true, false or null."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or the first part of a longer name."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """A field of a value, or a longer name."""

    of: "Node"
    field: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method, a macro or an operator."""

    function: str
    of: "Node | None"
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Items:
    """A list, written down."""

    items: "tuple[Node, ...]"


Node: TypeAlias = Literal | Name | Select | Call | Items

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<real>\d+\.\d+(?![\w.]))|(?P<whole>(?!0x)\d+(?![\w.]))|(?P<name>[A-Za-z_]\w*(?!['\"\w]))"
    r"|(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]]))"
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_LEVELS: Final[Sequence[frozenset[str]]] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
"""Operators with two sides, those that bind loosest first; all lean to the left."""
_DEPTH: Final = 20
"""How deep brackets stand in one another, at most."""
_LENGTH: Final = 50
"""How many sides an operator has in a row, and how many names and calls follow a value."""
_END: Final = ("", "")


def tree(text: str) -> Node:
    """The expression as a tree. Raises NotRead."""
    reader = _Reader(_tokens(text))
    found = reader.choice(0)
    reader.end()
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    text = text.rstrip()
    if "'''" in text or '"""' in text or "//" in text:
        raise NotRead(text)
    found, place = [], 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None or token.lastgroup is None:
            raise NotRead(text[place:])
        found.append((token.lastgroup, token[token.lastgroup]))
        place = token.end()
    return [*found, _END]


def _literal(kind: str, text: str) -> Literal:
    match kind:
        case "real":
            return Literal(float(text))
        case "whole":
            return Literal(int(text))
        case "text":
            return Literal(text[1:-1])
        case _:
            return Literal(_CONSTANTS[text])


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens: Final = tokens
        self._place = 0

    def choice(self, depth: int) -> Node:
        """`condition ? one : other`, or what binds closer."""
        if depth > _DEPTH:
            raise NotRead("too deep")
        condition = self._sides(0, depth)
        if not self._takes("?"):
            return condition
        one = self._sides(0, depth)
        self._demand(":")
        return Call("?", None, (condition, one, self.choice(depth + 1)))

    def end(self) -> None:
        if self._tokens[self._place] is not _END:
            raise NotRead(self._tokens[self._place][1])

    def _sides(self, level: int, depth: int) -> Node:
        if level == len(_LEVELS):
            return self._unary(depth)
        found = self._sides(level + 1, depth)
        for _ in range(_LENGTH):
            kind, sign = self._next()
            if sign not in _LEVELS[level] or kind == "text":
                return found
            self._place += 1
            found = Call(sign, None, (found, self._sides(level + 1, depth)))
        raise NotRead("too long")

    def _unary(self, depth: int) -> Node:
        signs = []
        while self._next() in {("sign", "!"), ("sign", "-")}:
            signs.append("neg" if self._taken() == "-" else "!")
        found = self._member(depth)
        for sign in reversed(signs):
            found = Call(sign, None, (found,))
        return found

    def _member(self, depth: int) -> Node:
        found = self._primary(depth)
        for _ in range(_LENGTH):
            if self._takes("."):
                name = self._name()
                if self._takes("("):
                    found = Call(name, found, self._list(")", depth))
                else:
                    found = Select(found, name)
            elif self._takes("["):
                index = self.choice(depth + 1)
                self._demand("]")
                found = Call("[]", None, (found, index))
            else:
                return found
        raise NotRead("too long")

    def _primary(self, depth: int) -> Node:
        kind, text = self._next()
        self._place += 1
        if kind == "name" and text not in _CONSTANTS and text != "in":
            return Call(text, None, self._list(")", depth)) if self._takes("(") else Name(text)
        if kind != "sign" and text not in {"", "in"}:
            return _literal(kind, text)
        if text == "(":
            found = self.choice(depth + 1)
            self._demand(")")
            return found
        if text == "[":
            return Items(self._list("]", depth))
        raise NotRead(text)

    def _list(self, end: str, depth: int) -> tuple[Node, ...]:
        """What stands between commas, up to the sign that ends it."""
        if self._takes(end):
            return ()
        found = [self.choice(depth + 1)]
        while self._takes(","):
            found.append(self.choice(depth + 1))
        self._demand(end)
        return tuple(found)

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place]

    def _taken(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1][1]

    def _takes(self, sign: str) -> bool:
        if self._next() != ("sign", sign):
            return False
        self._place += 1
        return True

    def _demand(self, sign: str) -> None:
        if not self._takes(sign):
            raise NotRead(self._next()[1])

    def _name(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise NotRead(text)
        return self._taken()
