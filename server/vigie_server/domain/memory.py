"""Answers remembered within a bound, those that nobody asked for longest forgotten first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Memory(Generic[Key, Answer]):
    """Answers by key, up to `capacity` in all of what they weigh. For one thread."""

    __slots__ = ("_answers", "_capacity", "_held")

    def __init__(self, capacity: int) -> None:
        self._capacity: Final = capacity
        self._answers: Final[OrderedDict[Key, tuple[Answer, int]]] = OrderedDict()
        self._held = 0

    def get(self, key: Key) -> Answer | None:
        """The answer, or None when it is not remembered."""
        found = self._answers.get(key)
        if found is None:
            return None
        self._answers.move_to_end(key)
        return found[0]

    def put(self, key: Key, answer: Answer, *, weight: int) -> None:
        """Remembers an answer, unless it alone is too heavy; others make room for it."""
        if weight > self._capacity:
            return
        self._forget(key)
        while self._held + weight > self._capacity:
            self._forget(next(iter(self._answers)))
        self._answers[key] = answer, weight
        self._held += weight

    def _forget(self, key: Key) -> None:
        found = self._answers.pop(key, None)
        if found is not None:
            self._held -= found[1]
