"""Counts the commits of this process, as the store does, and notices when the store forgot some."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counter:
    """`name` is the count's in the store; `went_back`: commits that were counted are lost."""

    name: str = "commits"
    last: int = -1
    went_back: bool = False

    def begin(self, name: str, count: int) -> None:
        """Counts under this name, from what the store says."""
        self.name, self.last, self.went_back = name, count, False

    def committed(self, count: int | None) -> None:
        """The store has come to this count; None: it does not know of this one."""
        if count is None or count <= self.last:
            self.went_back = True
        if count is not None:
            self.last = count
