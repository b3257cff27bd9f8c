"""Gives back to the system what a collection took for a moment and left unused."""

import gc
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Frees what nothing refers to, and returns unused pages where the C library can.

    Without it an agent keeps the size of its largest collection (thousands of packages) all day.
    """
    gc.collect()
    _trim()()


@cache
def _trim() -> Callable[[], object]:
    """The C library's `malloc_trim`; nothing where it has none (glibc has)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 (the parts that do not collect start without it)

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            return lambda: trim(0)
    return lambda: None
