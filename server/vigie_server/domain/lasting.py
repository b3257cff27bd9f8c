"""How long an answer lasts: within which times a rule, on the same evidence, gives the same.

A rule that follows the time compares it: `now - topics.updates.observed_at <= 30 * 86400`. Here its
expressions are followed once, beside the evaluation that judges, with each time as a number that
moves; every comparison of one narrows the times for which it would come out the same. Within what
is left the same branches are taken and the same rows chosen: the answer is known without asking.

Nothing is judged here. The library's answer is the one that is told and kept, and what is followed
must have come to the same, or nothing is kept. Whatever is not followed (an error that CEL absorbs,
a function not listed, numbers of two kinds) is `NotFollowed`: the rule is asked each time, as ever.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nextafter
from typing import Final

from vigie_server.domain.conditions import FUNCTIONS, ROW_NUMBER
from vigie_server.domain.expressions import Call, Items, Literal, Name, Node, NotRead, Select, tree

_LARGEST: Final = 1 << 61
"""No whole number beyond is followed: CEL's end at 2**63, wherever the times move to."""
_STEPS: Final = 20_000
"""Nodes that one rule is followed through, at most."""

Times = tuple[float, ...]
"""What moves of what a rule follows, each in its place: instants in UNIX seconds, a clock's gap."""
Whole = tuple[int, ...]
"""How often each of them counts."""


class NotFollowed(Exception):
    """What a rule gives cannot be told for other times than these."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A whole number that times move: the sum of each time as often as `by` says, and `beside`.

    `now` is what it comes to now.
    """

    by: Whole
    beside: int
    now: int

    def at(self, times: Times) -> int:
        """What it comes to at other times."""
        moved = sum([by * time for by, time in zip(self.by, times, strict=True) if by])
        return self.beside + int(moved)


@dataclass(frozen=True, slots=True)
class MovingReal:
    """A number with a fraction that moves, or its opposite: one of the times, once."""

    by: Whole
    now: float


Value = object
"""Null, a flag, a number, a text, a row, a list of them, `Moving` or `MovingReal`."""


@dataclass(frozen=True, slots=True)
class Window:
    """A sum of times, as in `Moving`, and between what it may come to. None: without end."""

    by: Whole
    least: float | None
    most: float | None

    def holds(self, times: Times) -> bool:
        """Whether these times are within."""
        found = sum([by * time for by, time in zip(self.by, times, strict=True) if by])
        return (self.least is None or self.least <= found) and (
            self.most is None or found <= self.most
        )


class Windows:
    """What is left of the times for which all that was compared comes out the same."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: Final[dict[Whole, tuple[float | None, float | None]]] = {}

    def keep(self, moving: Moving | MovingReal, least: float | None, most: float | None) -> None:
        """It may move no further than this; None: without end."""
        one = next(by for by in moving.by if by)
        by, beside = moving.by, moving.beside if isinstance(moving, Moving) else 0
        least = None if least is None else least - beside
        most = None if most is None else most - beside
        if one < 0:  # so that a sum and its opposite narrow the same window
            by = tuple([-times for times in by])
            least, most = (None if end is None else -end for end in (most, least))
        known_least, known_most = self._ends.get(by, (None, None))
        if least is None or (known_least is not None and known_least > least):
            least = known_least
        if most is None or (known_most is not None and known_most < most):
            most = known_most
        self._ends[by] = least, most

    def all(self) -> tuple[Window, ...]:
        """All of them."""
        return tuple([Window(by, least, most) for by, (least, most) in self._ends.items()])


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
        return _flag(self.value(text))

    def rows(self, text: str) -> list[int]:
        """The numbers of the rows that an expression gives. Raises NotFollowed."""
        return [_row(row)[ROW_NUMBER] for row in _list(self.value(text))]  # type: ignore[misc]

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
                    return self._macro(function, _list(self._value(of, local)), arguments, local)
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
            row = _row(found)
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
        first = _flag(self._value(arguments[0], local))
        match function:
            case "?":
                return self._value(arguments[1 if first else 2], local)
            case "&&":
                return first and _flag(self._value(arguments[1], local))
            case _:
                return first or _flag(self._value(arguments[1], local))

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
                return [item for item in items if _flag(of(item))]
            case "map":
                return [of(item) for item in items]
            case "exists":
                return any(_flag(of(item)) for item in items)
            case _:
                return all(_flag(of(item)) for item in items)

    def _called(self, function: str, given: Sequence[Value], *, method: bool) -> Value:
        signs = _SIGNS if not method else _METHODS
        plain = signs.get((function, len(given)))
        if plain is not None:
            return plain(*given)
        if method:
            raise NotFollowed(function)
        match function, given:
            case "newest" | "oldest", [items]:
                return self._extreme(_list(items), newest=function == "newest")
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
            if type(item) not in _WHOLE:
                raise NotFollowed("numbers of two kinds")
            if found is None or self._compared(">" if newest else "<", item, found):
                found = item
        return found

    def _compared(self, sign: str, one: Value, other: Value) -> bool:
        if type(one) not in _MOVES and type(other) not in _MOVES:
            return _told(sign, _order(sign, one, other))
        if one is None or other is None:
            if sign not in {"==", "!="}:
                raise NotFollowed("null has no order")
            return sign == "!="
        if type(one) is MovingReal:
            return self._real_compared(sign, one, other)
        if type(other) is MovingReal:
            return self._real_compared(_TURNED[sign], other, one)
        apart = _sum(one, other, -1)
        if type(apart) is not Moving:  # they move alike
            return _told(sign, _order(sign, apart, 0))
        ends: tuple[int | None, int | None]
        told = _told(sign, (apart.now > 0) - (apart.now < 0))
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
        return _told(sign, (moving.now > other) - (moving.now < other))


def _told(sign: str, order: int) -> bool:
    match sign:
        case "==":
            return order == 0
        case "!=":
            return order != 0
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case _:
            return order >= 0


def _order(sign: str, one: Value, other: Value) -> int:
    """Below, at or above 0, as two values stand to each other; null only to be equal or not."""
    if sign in {"==", "!="} and (one is None or other is None):
        return int((one is None) is not (other is None))
    kind = type(one)
    if kind is float and (isnan(one) or (type(other) is float and isnan(other))):  # type: ignore[arg-type]
        raise NotFollowed("not a number")
    if kind is type(other) and (
        kind in _ORDERED or (kind is bool and sign in {"==", "!="})
    ):  # CEL compares texts by their UTF-8, in which code points keep their order
        return int(one > other) - int(one < other)  # type: ignore[operator]
    raise NotFollowed("values of two kinds")


def _flag(value: Value) -> bool:
    if type(value) is not bool:
        raise NotFollowed("not true or false")
    return value


def _list(value: Value) -> Sequence[Value]:
    if type(value) is not list:
        raise NotFollowed("not a list")
    return value


def _row(value: Value) -> Mapping[str, Value]:
    if type(value) is not dict:
        raise NotFollowed("not a row")
    return value


def _within(number: int) -> int:
    if not -_LARGEST < number < _LARGEST:
        raise NotFollowed("too large")
    return number


def _sum(one: Value, other: Value, sign: int) -> Value:
    """The sum, or the difference, of whole numbers of which one moves."""
    if type(one) not in _WHOLE or type(other) not in _WHOLE:
        raise NotFollowed("not two whole numbers")
    left = one if type(one) is Moving else Moving((), one, one)  # type: ignore[arg-type]
    right = other if type(other) is Moving else Moving((), other, other)  # type: ignore[arg-type]
    still = (0,) * max(len(left.by), len(right.by))
    by = tuple([a + sign * b for a, b in zip(left.by or still, right.by or still, strict=True)])
    beside = _within(left.beside + sign * right.beside)
    now = _within(left.now + sign * right.now)
    return Moving(by, beside, now) if any(by) else beside


def _added(one: Value, other: Value) -> Value:
    if type(one) is Moving or type(other) is Moving:
        return _sum(one, other, 1)
    if type(one) is type(other):
        if type(one) is int:
            return _within(one + other)  # type: ignore[operator]
        if type(one) in {float, str, list}:
            return one + other  # type: ignore[operator]
    raise NotFollowed("values of two kinds")


def _subtracted(one: Value, other: Value) -> Value:
    if type(one) is float and type(other) is float:
        return one - other
    return _sum(one, other, -1)


def _multiplied(one: Value, other: Value) -> Value:
    if type(one) is float and type(other) is float:
        return one * other
    if type(one) is int and type(other) is int:
        return _within(one * other)
    if type(one) is int and type(other) is Moving:
        one, other = other, one
    if type(one) is not Moving or type(other) is not int:
        raise NotFollowed("not a multiple of a time")
    if other == 0:
        return 0
    by = tuple([_within(times * other) for times in one.by])
    return Moving(by, _within(one.beside * other), _within(one.now * other))


def _opposite(value: Value) -> Value:
    if type(value) is MovingReal:
        return MovingReal(tuple([-by for by in value.by]), -value.now)
    return -value if type(value) is float else _multiplied(value, -1)


def _not(value: Value) -> bool:
    return not _flag(value)


def _item(items: Value, index: Value) -> Value:
    listed = _list(items)
    if type(index) is not int or not 0 <= index < len(listed):
        raise NotFollowed("no such item")
    return listed[index]


def _holds(value: Value, items: Value) -> bool:
    listed = _list(items)
    if type(value) is not str or not all(type(item) is str for item in listed):
        raise NotFollowed("not a text among texts")
    return value in listed


def _size(value: Value) -> int:
    if type(value) is str or type(value) is list:
        return len(value)
    raise NotFollowed("no size")


def _whole(value: Value) -> Value:
    if type(value) in _WHOLE:
        return value
    raise NotFollowed("not a whole number")


def _real(value: Value) -> Value:
    if type(value) is MovingReal:
        return value
    if type(value) is int or type(value) is float:
        return float(value)
    raise NotFollowed("not a number")


def _as_it_is(value: Value) -> Value:
    return value


def _split(text: Value, by: Value) -> list[str]:
    if type(text) is not str or type(by) is not str or not by:
        raise NotFollowed("not a text")
    return text.split(by)


def _texts(test: Callable[[str, str], bool]) -> Callable[[Value, Value], bool]:
    def tested(one: Value, other: Value) -> bool:
        if type(one) is not str or type(other) is not str:
            raise NotFollowed("not a text")
        return test(one, other)

    return tested


_ORDERED: Final = frozenset({int, float, str})
_WHOLE: Final = frozenset({int, Moving})
_MOVES: Final = frozenset({Moving, MovingReal})
_TURNED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_LAZY: Final = frozenset({"?", "&&", "||"})
_MACROS: Final = frozenset({"filter", "map", "exists", "all"})
_SIGNS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("+", 2): _added,
    ("-", 2): _subtracted,
    ("*", 2): _multiplied,
    ("neg", 1): _opposite,
    ("!", 1): _not,
    ("[]", 2): _item,
    ("in", 2): _holds,
    ("size", 1): _size,
    ("int", 1): _whole,
    ("double", 1): _real,
    ("dyn", 1): _as_it_is,
}
_METHODS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("size", 1): _size,
    ("split", 2): _split,
    ("contains", 2): _texts(lambda one, other: other in one),
    ("startsWith", 2): _texts(str.startswith),
    ("endsWith", 2): _texts(str.endswith),
}
