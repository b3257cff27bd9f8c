"""How much room the store takes, and has."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoreRoom:
    """In bytes. `capacity` is what the store may grow to; None where nobody said."""

    size: int
    capacity: int | None


class MeasuresStore(Protocol):
    """Measures the store. Blocking: call it from a worker thread."""

    def __call__(self) -> StoreRoom:
        """Raises StoreBusy."""
        ...
