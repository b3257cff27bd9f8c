"""What a run comes to: counts, latencies and errors by kind; several processes' as one."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from vigie_server.simulator.histogram import Histogram

_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class Tally:
    """Everything that a run counts."""

    arrivals: int = 0
    """Instants that the schedule gave: a device is to report."""
    visits: int = 0
    """Sessions that ended as they should."""
    reports: int = 0
    """Messages sent that bring answers, some of several topics."""
    acked: int = 0
    """Answers acknowledged, one a topic; of them, `whole` with their rows."""
    whole: int = 0
    undelivered: int = 0
    """Reports that were due and not acknowledged when the run ended."""
    resent: int = 0
    """Topics that the server asked for again."""
    heartbeats: int = 0
    waited: int = 0
    """Visits that waited because this process had no more connections to give."""
    acks: Histogram = field(default_factory=Histogram)
    """From the intended instant of a report to its acknowledgement."""
    greetings: Histogram = field(default_factory=Histogram)
    """From connecting to Welcome."""
    slow: Histogram = field(default_factory=Histogram)
    """As `acks`, of the devices that read slowly or break things on purpose."""
    lag: Histogram = field(default_factory=Histogram)
    """How late this simulator was itself: from an intended instant to its own start."""
    errors: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    """What broken agents did, and how it ended."""
    seconds: float = 0.0
    """Since the run began; of them, `arriving` until the schedule ended."""
    arriving: float = 0.0
    cpu_seconds: float = 0.0
    connected: int = 0

    def failed(self, what: str) -> None:
        """An error of this kind; numbers in it are left out, so that kinds stay few."""
        self.errors[_NUMBERS.sub("N", what)[:160]] += 1

    def merge(self, other: "Tally") -> None:
        """Counts what another process has counted too."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _SPANS:
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        for name in _HISTOGRAMS:
            getattr(self, name).merge(getattr(other, name))
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))

    def kept(self) -> dict[str, object]:
        """As data, for another process: `Tally.read` reads it."""
        return (
            {name: getattr(self, name) for name in (*_SPANS, *_COUNTS)}
            | {name: getattr(self, name).kept() for name in _HISTOGRAMS}
            | {name: dict(getattr(self, name)) for name in _COUNTERS}
        )

    @staticmethod
    def read(kept: Mapping[str, object]) -> "Tally":
        """The tally that `kept` gave."""
        found = Tally()
        for name, value in kept.items():
            if name in _HISTOGRAMS:
                assert isinstance(value, dict)  # noqa: S101 (as written by `kept`)
                setattr(found, name, Histogram.read(value))
            elif name in _COUNTERS:
                assert isinstance(value, dict)  # noqa: S101 (as written by `kept`)
                setattr(found, name, Counter(value))
            else:
                setattr(found, name, value)
        return found

    def measured(self) -> dict[str, object]:
        """The result of a run: what `--json` writes."""
        return (
            {name: getattr(self, name) for name in (*_SPANS, *_COUNTS)}
            | {f"{name}_seconds": _quantiles(getattr(self, name)) for name in _HISTOGRAMS}
            | {name: dict(getattr(self, name)) for name in _COUNTERS}
        )


_COUNTS = (
    "arrivals",
    "visits",
    "reports",
    "acked",
    "whole",
    "undelivered",
    "resent",
    "heartbeats",
    "waited",
    "cpu_seconds",
    "connected",
)
_SPANS = ("seconds", "arriving")
_HISTOGRAMS = ("acks", "greetings", "slow", "lag")
_COUNTERS = ("errors", "troubles")


def _quantiles(histogram: Histogram) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
    found = {name: histogram.quantile(share) for name, share in shares.items()}
    return {"count": histogram.count, **found, "max": histogram.maximum}
