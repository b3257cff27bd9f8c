"""How long an answer lasts: within which times a rule, on the same evidence, gives the same.

A rule that follows the time compares it: `now - topics.updates.observed_at <= 30 * 86400`. Here its
expressions are followed once, beside the evaluation that judges, with each time as a number that
moves; every comparison of one narrows the times for which it would come out the same. Within what
is left the same branches are taken and the same rows chosen: the answer is known without asking.

Nothing is judged here. The library's answer is the one that is told and kept, and what is followed
must have come to the same, or nothing is kept. Whatever is not followed (an error that CEL absorbs,
a function not listed, numbers of two kinds) is `NotFollowed`: the rule is asked each time, as ever.
"""

from collections.abc import Collection, Mapping, Sequence
from math import inf, isnan, nextafter
from typing import Final

from vigie_server.domain.conditions import FUNCTIONS, ROW_NUMBER
from vigie_server.domain.expressions import Call, Items, Literal, Name, Node, NotRead, Select, tree
from vigie_server.domain.moving import (
    Moving,
    MovingReal,
    NotFollowed,
    Times,
    Value,
    Window,
    Windows,
)
from vigie_server.domain.moving_signs import (
    METHODS,
    MOVES,
    SIGNS,
    WHOLE,
    flag_of,
    holds_by,
    list_of,
    order,
    row_of,
    sum_of,
)

__all__ = [
    "Following",
    "Moving",
    "MovingReal",
    "NotFollowed",
    "Times",
    "Trees",
    "Value",
    "Window",
    "Windows",
]

_STEPS: Final = 20_000
"""Nodes that one rule is followed through, at most."""
_TURNED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_LAZY: Final = frozenset({"?", "&&", "||"})
_MACROS: Final = frozenset({"filter", "map", "exists", "all"})


class Trees:
    """The expressions of a rule, read when they are first followed.

    `bindings` are its named sub-expressions, `container` is where its own names are.
    """

    __slots__ = ("_bindings", "_trees", "prefixes")

    def __init__(self, container: str, bindings: Sequence[tuple[str, str]]) -> None:
        parts = container.split(".")
        self.prefixes: Final = tuple(
            ".".join(parts[:length]) + "." if length else "" for length in range(len(parts), -1, -1)
        )
        self._bindings: Final = dict(bindings)
        self._trees: Final[dict[str, Node | None]] = {}

    def of(self, text: str) -> Node:
        """The tree of an expression. Raises NotFollowed."""
        if text not in self._trees:
            try:
                self._trees[text] = tree(text)
            except NotRead:
                self._trees[text] = None
        found = self._trees[text]
        if found is None:
            raise NotFollowed(text)
        return found

    @property
    def names(self) -> Collection[str]:
        """Its named sub-expressions."""
        return self._bindings.keys()

    def bound(self, name: str) -> str | None:
        """The text of a named sub-expression."""
        return self._bindings.get(name)


_NOTHING: Final[Mapping[str, Value]] = {}


class Following:
    """Expressions of one rule on one device's evidence, at one moment.

    `values` are what conditions see, by full name; those that move are `Moving`. What is compared
    narrows `windows`.
    """

    def __init__(self, trees: Trees, values: Mapping[str, Value], windows: Windows) -> None:
        self._trees: Final = trees
        self._values: Final = values
        self._windows: Final = windows
        self._bound: Final[dict[str, Value]] = {}
        self._steps = 0

    def flag(self, text: str) -> bool:
        """What a condition gives. Raises NotFollowed."""
        return flag_of(self.value(text))

    def rows(self, text: str) -> list[int]:
        """The numbers of the rows that an expression gives. Raises NotFollowed."""
        return [row_of(row)[ROW_NUMBER] for row in list_of(self.value(text))]  # type: ignore[misc]

    def value(self, text: str) -> Value:
        """What an expression gives. Raises NotFollowed."""
        return self._value(self._trees.of(text), _NOTHING)

    def _value(self, node: Node, local: Mapping[str, Value]) -> Value:
        self._steps += 1
        if self._steps > _STEPS:
            raise NotFollowed("it takes too long")
        match node:
            case Literal(value):
                return value
            case Name() | Select():
                return self._named(node, local)
            case Items(items):
                return [self._value(item, local) for item in items]
            case Call(function, of, arguments):
                if function in _LAZY:
                    return self._lazy(function, arguments, local)
                if of is not None and function in _MACROS:
                    return self._macro(function, list_of(self._value(of, local)), arguments, local)
                given = [self._value(argument, local) for argument in arguments]
                if of is not None:
                    given.insert(0, self._value(of, local))
                return self._called(function, given, method=of is not None)

    def _named(self, node: Name | Select, local: Mapping[str, Value]) -> Value:
        path: list[str] = []
        inner: Node = node
        while isinstance(inner, Select):
            path.insert(0, inner.field)
            inner = inner.of
        if not isinstance(inner, Name):
            found = self._value(inner, local)
        elif inner.name in local:
            found = local[inner.name]
        elif (text := self._trees.bound(inner.name)) is not None:
            if inner.name not in self._bound:
                self._bound[inner.name] = self.value(text)
            found = self._bound[inner.name]
        else:
            found, path = self._variable([inner.name, *path])
        for field in path:
            row = row_of(found)
            if field not in row:
                raise NotFollowed(field)
            found = row[field]
        return found

    def _variable(self, path: list[str]) -> tuple[Value, list[str]]:
        """The variable that a name begins with, and what it goes on with."""
        for prefix in self._trees.prefixes:
            for length in range(len(path), 0, -1):
                name = prefix + ".".join(path[:length])
                if name in self._values:
                    return self._values[name], path[length:]
        raise NotFollowed(".".join(path))

    def _lazy(self, function: str, arguments: Sequence[Node], local: Mapping[str, Value]) -> Value:
        first = flag_of(self._value(arguments[0], local))
        match function:
            case "?":
                return self._value(arguments[1 if first else 2], local)
            case "&&":
                return first and flag_of(self._value(arguments[1], local))
            case _:
                return first or flag_of(self._value(arguments[1], local))

    def _macro(
        self,
        function: str,
        items: Sequence[Value],
        arguments: Sequence[Node],
        local: Mapping[str, Value],
    ) -> Value:
        if len(arguments) != 2 or not isinstance(arguments[0], Name):  # noqa: PLR2004 (a name and what is asked of it)
            raise NotFollowed(function)
        name, asked = arguments[0].name, arguments[1]

        def of(item: Value) -> Value:
            return self._value(asked, {**local, name: item})

        match function:
            case "filter":
                return [item for item in items if flag_of(of(item))]
            case "map":
                return [of(item) for item in items]
            case "exists":
                return any(flag_of(of(item)) for item in items)
            case _:
                return all(flag_of(of(item)) for item in items)

    def _called(self, function: str, given: Sequence[Value], *, method: bool) -> Value:
        signs = SIGNS if not method else METHODS
        plain = signs.get((function, len(given)))
        if plain is not None:
            return plain(*given)
        if method:
            raise NotFollowed(function)
        match function, given:
            case "newest" | "oldest", [items]:
                return self._extreme(list_of(items), newest=function == "newest")
            case ("==" | "!=" | "<" | "<=" | ">" | ">=") as sign, [one, other]:
                return self._compared(sign, one, other)
            case _:
                return self._of_ours(function, given)

    def _of_ours(self, function: str, given: Sequence[Value]) -> Value:
        """A function beside CEL's own, of texts."""
        implemented = FUNCTIONS.get(function)
        if implemented is None or not all(type(value) is str for value in given):
            raise NotFollowed(function)
        try:
            return implemented(*given)
        except (TypeError, ValueError, LookupError) as error:
            raise NotFollowed(function) from error

    def _extreme(self, items: Sequence[Value], *, newest: bool) -> Value:
        """As `newest` and `oldest` of `domain/conditions.py`."""
        found: Value = None
        for item in items:
            if item is None:
                continue
            if type(item) not in WHOLE:
                raise NotFollowed("numbers of two kinds")
            if found is None or self._compared(">" if newest else "<", item, found):
                found = item
        return found

    def _compared(self, sign: str, one: Value, other: Value) -> bool:
        if type(one) not in MOVES and type(other) not in MOVES:
            return holds_by(sign, order(sign, one, other))
        if one is None or other is None:
            if sign not in {"==", "!="}:
                raise NotFollowed("null has no order")
            return sign == "!="
        if type(one) is MovingReal:
            return self._real_compared(sign, one, other)
        if type(other) is MovingReal:
            return self._real_compared(_TURNED[sign], other, one)
        apart = sum_of(one, other, -1)
        if type(apart) is not Moving:  # they move alike
            return holds_by(sign, order(sign, apart, 0))
        ends: tuple[int | None, int | None]
        told = holds_by(sign, (apart.now > 0) - (apart.now < 0))
        if sign in {"<", ">="}:  # what matters is whether it is below 0
            ends = (None, -1) if apart.now < 0 else (0, None)
        elif sign in {">", "<="}:
            ends = (1, None) if apart.now > 0 else (None, 0)
        elif apart.now == 0:
            ends = (0, 0)
        else:
            ends = (1, None) if apart.now > 0 else (None, -1)
        self._windows.keep(apart, *ends)
        return told

    def _real_compared(self, sign: str, moving: MovingReal, other: Value) -> bool:
        if type(other) is not float or isnan(other) or isnan(moving.now):
            raise NotFollowed("numbers of two kinds")
        above, below = nextafter(other, inf), nextafter(other, -inf)
        if moving.now < other:
            self._windows.keep(moving, None, below)
        elif moving.now > other:
            self._windows.keep(moving, above, None)
        else:
            self._windows.keep(moving, other, other)
        return holds_by(sign, (moving.now > other) - (moving.now < other))
