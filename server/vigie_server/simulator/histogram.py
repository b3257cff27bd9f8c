"""Latencies in buckets whose widths grow with the value: any quantile, within half a percent."""

from collections import Counter
from collections.abc import Mapping
from math import ceil, floor, log
from typing import Final

_GROWTH: Final = 1.01
_LOG_GROWTH: Final = log(_GROWTH)
_SMALLEST: Final = 1e-6


class Histogram:
    """Seconds, counted. What is under a microsecond counts as one."""

    def __init__(self, buckets: Mapping[int, int] | None = None, maximum: float = 0.0) -> None:
        self._buckets = Counter[int](buckets or {})
        self.count = sum(self._buckets.values())
        self.maximum = maximum

    def record(self, seconds: float) -> None:
        """One more value."""
        self._buckets[floor(log(max(seconds, _SMALLEST)) / _LOG_GROWTH)] += 1
        self.count += 1
        self.maximum = max(self.maximum, seconds)

    def quantile(self, share: float) -> float:
        """The value that this share of the recorded ones does not exceed; 0 when there is none."""
        rank = ceil(share * self.count)
        for bucket, times in sorted(self._buckets.items()):
            rank -= times
            if rank <= 0:
                return float(min(_GROWTH ** (bucket + 0.5), self.maximum))
        return self.maximum

    def merge(self, other: "Histogram") -> None:
        """Counts what another one has counted too."""
        self._buckets.update(other._buckets)  # noqa: SLF001 (of the same class)
        self.count += other.count
        self.maximum = max(self.maximum, other.maximum)

    def kept(self) -> dict[str, object]:
        """As data, for another process: `Histogram.read` reads it."""
        buckets = {str(bucket): times for bucket, times in sorted(self._buckets.items())}
        return {"maximum": self.maximum, "buckets": buckets}

    @staticmethod
    def read(kept: Mapping[str, object]) -> "Histogram":
        """The histogram that `kept` gave."""
        buckets, maximum = kept["buckets"], kept["maximum"]
        assert isinstance(buckets, dict)  # noqa: S101 (as written by `kept`)
        assert isinstance(maximum, float | int)  # noqa: S101 (as written by `kept`)
        counts = {int(bucket): int(times) for bucket, times in buckets.items()}
        return Histogram(counts, float(maximum))

    def told(self) -> str:
        """Milliseconds for people; "none" where nothing was recorded."""
        if not self.count:
            return "none"
        shown = (
            f"p{share * 100:g} {self.quantile(share) * 1e3:.1f}" for share in (0.5, 0.95, 0.99)
        )
        return f"{' '.join(shown)} max {self.maximum * 1e3:.1f} ms"
