"""What a device reported on one topic, converted once from text by the topic's declaration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Cell = str | int | float | bool | None
"""A converted value: None where the device gave no value (`""` in a column that is not text)."""

FactRow = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Fact:
    """The newest committed snapshot of one topic of one device.

    `status` is the lower-case name of `vigie.v1.SnapshotStatus` without its prefix. `columns` are
    those that travelled. `unreadable` names columns that hold text where the topic declares a
    number, with an example: a rule that reads one is UNKNOWN. `observed_at` is the server's
    estimate of when the rows were true, never the device's clock.
    """

    topic: str
    topic_version: int
    status: str
    message: str
    columns: frozenset[str]
    rows: tuple[FactRow, ...]
    observed_at: datetime
    unreadable: Mapping[str, str]
