"""Whether the kernel's clock is kept right by somebody: the flag that time programs set (Linux)."""

import ctypes
import sys
from typing import Final

_TIMEX_BYTES: Final = 512  # more than the structure has on any machine
_TIME_ERROR: Final = 5


def clock_is_synchronised() -> bool | None:
    """Whether the kernel holds its clock for synchronised; None where it may not be asked."""
    if sys.platform != "linux":
        return None
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # all zero: nothing is to be changed
    state = int(adjtimex(buffer))
    return None if state < 0 else state != _TIME_ERROR
