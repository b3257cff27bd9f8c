"""Numbers with a fraction that commands take: seconds, shares."""

from math import isfinite
from typing import Any

import click


class Measure(click.FloatRange):
    """A number within bounds.

    Beyond click's own it refuses what no bound does: `nan`, and an endless one where the range has
    no end.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails with what was given."""
        found = super().convert(value, param, ctx)
        if not isfinite(found):
            self.fail(f"{value} is not a number that can be counted with.", param, ctx)
        return found
