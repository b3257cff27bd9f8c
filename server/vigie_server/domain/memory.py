"""Answers remembered within a bound, those that nobody asked for longest forgotten first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class _Kept(Generic[Answer]):
    """An answer, what it weighs, and how many had been put when it was last asked for."""

    __slots__ = ("answer", "asked", "weight")

    def __init__(self, answer: Answer, weight: int, asked: int) -> None:
        self.answer: Final = answer
        self.weight: Final = weight
        self.asked = asked


class Memory(Generic[Key, Answer]):
    """Answers by key, up to `capacity` in all of what they weigh. For one thread.

    Of answers that were asked for after the latest was put, the order is that of the first time:
    keys are large, and to find one is most of what it costs to ask.
    """

    __slots__ = ("_answers", "_capacity", "_held", "_puts")

    def __init__(self, capacity: int) -> None:
        self._capacity: Final = capacity
        self._answers: Final[OrderedDict[Key, _Kept[Answer]]] = OrderedDict()
        self._held = 0
        self._puts = 0

    def get(self, key: Key) -> Answer | None:
        """The answer, or None when it is not remembered."""
        found = self._answers.get(key)
        if found is None:
            return None
        if found.asked != self._puts:
            found.asked = self._puts
            self._answers.move_to_end(key)
        return found.answer

    def put(self, key: Key, answer: Answer, *, weight: int) -> None:
        """Remembers an answer, unless it alone is too heavy; others make room for it."""
        if weight > self._capacity:
            return
        self._forget(key)
        while self._held + weight > self._capacity:
            self._forget(next(iter(self._answers)))
        self._puts += 1
        self._answers[key] = _Kept(answer, weight, self._puts)
        self._held += weight

    def _forget(self, key: Key) -> None:
        found = self._answers.pop(key, None)
        if found is not None:
            self._held -= found.weight
