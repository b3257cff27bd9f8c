"""When a message that could not be handed over is tried again."""

from datetime import timedelta
from typing import Final

FIRST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(hours=1)
_DOUBLINGS: Final = 10


def pause(attempts: int, *, jitter: float) -> timedelta:
    """How long to wait after so many attempts; `jitter` from 0 to 1 spreads them."""
    doubled: int = 1 << min(max(attempts - 1, 0), _DOUBLINGS)
    full = min(FIRST * doubled, LONGEST)
    return full * (0.5 + jitter / 2)
