"""How much is judged and how long that takes: counted for every report, so counted cheaply.

prometheus-client's own objects take a lock for each figure and look a bucket up from the first on.
These are counted by the one thread that judges. A scrape may see the latest in one and not yet in
another.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf
from time import time
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class JudgingTally(Collector):
    """`vigie_judge_seconds` by these `buckets`, and `vigie_judge_verdicts`."""

    def __init__(self, buckets: Sequence[float]) -> None:
        self._bounds: Final = (*buckets, inf)
        self._judged: Final = [0] * len(self._bounds)
        self._seconds = 0.0
        self._verdicts = 0
        self._created: Final = time()

    def judged(self, verdicts: int, seconds: float) -> None:
        """So many verdicts were worked out at once, in that time."""
        self._verdicts += verdicts
        self._seconds += seconds
        self._judged[bisect_left(self._bounds, seconds)] += 1

    def collect(self) -> Iterable[Metric]:
        bounds = map(floatToGoString, self._bounds)
        took = HistogramMetricFamily(
            "vigie_judge_seconds",
            "Time to judge the rules that one report concerns.",
            buckets=list(zip(bounds, accumulate(list(self._judged)), strict=True)),
            sum_value=self._seconds,
        )
        took.add_sample(f"{took.name}_created", {}, self._created)
        yield took
        yield CounterMetricFamily(
            "vigie_judge_verdicts",
            "Verdicts worked out.",
            value=self._verdicts,
            created=self._created,
        )
