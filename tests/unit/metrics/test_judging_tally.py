"""What judging takes, counted as prometheus-client counts it."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.registry import Collector

from vigie_server.metrics.judging_tally import JudgingTally

BUCKETS: Final = (0.001, 0.25, 1.0)


def shown(collectors: Iterable[Collector]) -> set[tuple[object, ...]]:
    """All that is collected, but for since when."""
    return {
        (
            *(family.name, family.documentation, family.type),
            *(sample.name, *sample.labels.items()),
            None if sample.name.endswith("_created") else sample.value,
        )
        for collector in collectors
        for family in collector.collect()
        for sample in family.samples
    }


def test_times_and_verdicts_are_shown_as_by_objects_of_prometheus() -> None:
    tally = JudgingTally(BUCKETS)
    registry = CollectorRegistry()
    seconds = Histogram(
        "vigie_judge_seconds",
        "Time to judge the rules that one report concerns.",
        buckets=BUCKETS,
        registry=registry,
    )
    verdicts = Counter("vigie_judge_verdicts", "Verdicts worked out.", registry=registry)

    for judged, took in ((3, 0.0005), (0, 0.001), (51, 0.25), (1, 0.3), (2, 7.0)):
        tally.judged(judged, took)
        verdicts.inc(judged)
        seconds.observe(took)

    assert shown([tally]) == shown([seconds, verdicts])
