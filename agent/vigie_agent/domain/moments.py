"""An instant on the two clocks a device has."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant: on the wall clock, which may be wrong or jump, and since boot, which only grows.

    The boot clock counts sleep on Linux and may stand still through it elsewhere.
    """

    wall: datetime
    boot: timedelta
