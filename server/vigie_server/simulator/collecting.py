"""When a simulated device's topics are due: each at its declared interval, as an agent collects."""

from collections.abc import Mapping, Sequence
from typing import Final

_GOLDEN: Final = 0.618_033_988_749_895


def due_topics(
    intervals: Mapping[str, int], *, before: int, now: int, phase: float
) -> Sequence[str]:
    """The topics whose turn came between two instants (Unix seconds); one at least, each in turn.

    `intervals` are seconds by topic. `phase`, from 0 up to 1, spreads devices, and each device's
    topics, over the intervals. A topic that came due several times is collected once.
    """
    due = []
    for index, (topic, interval) in enumerate(intervals.items()):
        shift = (phase + index * _GOLDEN) % 1.0
        if int(now / interval + shift) > int(before / interval + shift):
            due.append(topic)
    return due or [list(intervals)[now // max(1, now - before) % len(intervals)]]
