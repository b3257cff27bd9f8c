"""How often a serving process looks for garbage that reference counting does not free.

Ingest makes and drops some hundred objects a report and hardly a cycle, while what the process
holds of its devices lives long: Python's default (a look every 700 objects, and through everything
that lives every 70,000) is a tenth of the cost of a report.
"""

import gc
from typing import Final

YOUNG_OBJECTS: Final = 50_000
"""Objects made and not dropped between two looks at the young ones: about ten megabytes."""


def look_seldom() -> None:
    """Sets the garbage collector's pace; what lives already is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
