"""What CEL's signs and functions give for values of which some are numbers that times move.

Whatever CEL would refuse, or give as it is not told here, is `NotFollowed`.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Final

from vigie_server.domain.moving import Moving, MovingReal, NotFollowed, Value

_LARGEST: Final = 1 << 61
"""No whole number beyond is followed: CEL's end at 2**63, wherever the times move to."""
_ORDERED: Final = frozenset({int, float, str})
WHOLE: Final = frozenset({int, Moving})
MOVES: Final = frozenset({Moving, MovingReal})


def holds_by(sign: str, order: int) -> bool:
    """Whether two values that stand so to each other compare so."""
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


def order(sign: str, one: Value, other: Value) -> int:
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


def flag_of(value: Value) -> bool:
    """True or false; raises NotFollowed for anything else."""
    if type(value) is not bool:
        raise NotFollowed("not true or false")
    return value


def list_of(value: Value) -> Sequence[Value]:
    """A list; raises NotFollowed for anything else."""
    if type(value) is not list:
        raise NotFollowed("not a list")
    return value


def row_of(value: Value) -> Mapping[str, Value]:
    """A row; raises NotFollowed for anything else."""
    if type(value) is not dict:
        raise NotFollowed("not a row")
    return value


def _within(number: int) -> int:
    if not -_LARGEST < number < _LARGEST:
        raise NotFollowed("too large")
    return number


def sum_of(one: Value, other: Value, sign: int) -> Value:
    """The sum, or the difference, of whole numbers of which one moves."""
    if type(one) not in WHOLE or type(other) not in WHOLE:
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
        return sum_of(one, other, 1)
    if type(one) is type(other):
        if type(one) is int:
            return _within(one + other)  # type: ignore[operator]
        if type(one) in {float, str, list}:
            return one + other  # type: ignore[operator]
    raise NotFollowed("values of two kinds")


def _subtracted(one: Value, other: Value) -> Value:
    if type(one) is float and type(other) is float:
        return one - other
    return sum_of(one, other, -1)


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
    return not flag_of(value)


def _item(items: Value, index: Value) -> Value:
    listed = list_of(items)
    if type(index) is not int or not 0 <= index < len(listed):
        raise NotFollowed("no such item")
    return listed[index]


def _holds(value: Value, items: Value) -> bool:
    listed = list_of(items)
    if type(value) is not str or not all(type(item) is str for item in listed):
        raise NotFollowed("not a text among texts")
    return value in listed


def _size(value: Value) -> int:
    if type(value) is str or type(value) is list:
        return len(value)
    raise NotFollowed("no size")


def _whole(value: Value) -> Value:
    if type(value) in WHOLE:
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


SIGNS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
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
METHODS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("size", 1): _size,
    ("split", 2): _split,
    ("contains", 2): _texts(lambda one, other: other in one),
    ("startsWith", 2): _texts(str.startswith),
    ("endsWith", 2): _texts(str.endswith),
}
