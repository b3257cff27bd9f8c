"""How often a process looks for garbage that reference counting does not free.

Ingest makes and drops some hundred objects a report and hardly a cycle, while what the process
holds of its devices lives long: Python's default (a look every 700 objects, and through everything
that lives every 70,000) is a tenth of the cost of a report. Modules live as long as the process,
and what loading them drops is one object in two hundred: to look for it while they load, once they
have, and again when the process ends is half of the time that a command takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""Objects made and not dropped between two looks at the young ones: about four megabytes.

A look takes a third of a millisecond a thousand, in which nothing else runs: of 50,000 objects, and
of what came and went beside them, it was heard by devices.
"""


def look_seldom() -> None:
    """Sets the garbage collector's pace; what lives already is not looked at again."""
    look_past_what_lives()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def look_past_what_lives() -> None:
    """Looks once more; what lives then is not looked at again, and is freed when it is dropped.

    For a process that has just read what it keeps: a look goes through all of it, for nothing, and
    nothing else runs meanwhile.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def not_looked_for() -> Iterator[None]:
    """Garbage waits until the block is left: for a short time in which little is dropped.

    What the process loads first is not looked at afterwards either.
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
