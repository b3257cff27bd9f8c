"""Backups that the server makes by itself."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol


class Vault(Protocol):
    """Where the server's own backups are. Blocking."""

    def made(self) -> Sequence[datetime]:
        """The moments of the backups that are there. Raises OSError."""
        ...

    def make(self, at: datetime, going_on: Callable[[], bool]) -> None:
        """Makes the backup of this moment, and notes it; nothing is left of one that fails.

        One that is no longer `going_on` is given up. Raises VigieError, OSError.
        """
        ...

    def remove(self, at: datetime) -> None:
        """Takes the backup of this moment away. Raises OSError."""
        ...
