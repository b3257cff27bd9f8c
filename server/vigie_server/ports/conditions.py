"""Writes that hold only for what their sender has read.

A store calls the `Require` that it is given inside the transaction of the write, on what it holds
at that moment and has locked. What it raises undoes the transaction, so that nothing can come
between the look and the write, whichever process writes beside it.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Require = Callable[[T | None], None]
"""Raises ConditionFailed unless this is what the write is for; None: there is nothing yet."""


def whatever(_: object) -> None:
    """Lets a write hold for whatever is there."""
