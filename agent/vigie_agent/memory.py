"""Looks for garbage when it is worth it, and gives back to the system what is left unused."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def modules_load() -> Iterator[None]:
    """Garbage is not looked for while modules load, nor ever in what a process loads first.

    They live as long as it does, and what loading them drops is one object in two hundred.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        _freeze_once()
        if looked:
            gc.enable()


@cache
def _freeze_once() -> None:
    """Takes what is loaded out of sight. Commands that tests run one after another load nothing."""
    gc.freeze()


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
