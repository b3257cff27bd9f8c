"""Which of several servers over one store does what only one may do."""

from typing import Protocol


class Lease(Protocol):
    """The lead. Blocking, used by one thread at a time."""

    def take(self) -> bool:
        """Whether this process leads from now on. Raises StoreBusy."""
        ...

    def held(self) -> bool:
        """Whether it still does, as far as can be known; never raises."""
        ...

    def give_up(self) -> None:
        """Lets another process lead. Safe to call twice; never raises."""
        ...
