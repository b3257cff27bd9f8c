"""Numbers that times move, and the windows within which comparing them comes out the same."""

from dataclasses import dataclass, field
from typing import Final

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

    _terms: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)
    """The places of the times that count, and how often."""

    def __post_init__(self) -> None:
        terms = tuple([(place, by) for place, by in enumerate(self.by) if by])
        object.__setattr__(self, "_terms", terms)

    def holds(self, times: Times) -> bool:
        """Whether these times are within."""
        found: float = 0
        for place, by in self._terms:
            found += by * times[place]
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
