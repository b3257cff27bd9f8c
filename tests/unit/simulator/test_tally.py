"""What a run comes to, by one process or by several, is counted once and told truly."""

import json
import random

import pytest

from vigie_server.simulator.histogram import Histogram
from vigie_server.simulator.tally import Tally


def test_quantiles_are_within_a_percent_of_the_exact_ones() -> None:
    numbers = random.Random(1)
    values = sorted(numbers.lognormvariate(-4, 1.5) for _ in range(20_000))
    histogram = Histogram()
    for value in values:
        histogram.record(value)

    for share in (0.5, 0.95, 0.99, 0.999):
        assert histogram.quantile(share) == pytest.approx(
            values[int(share * len(values)) - 1], rel=0.01
        )
    assert histogram.quantile(1) == pytest.approx(values[-1], rel=0.01)
    assert histogram.quantile(1) <= histogram.maximum == values[-1]
    assert histogram.count == 20_000


def test_a_rare_stall_is_seen_in_the_last_quantile_and_not_in_the_middle() -> None:
    histogram = Histogram()
    for _ in range(990):
        histogram.record(0.010)
    for _ in range(10):
        histogram.record(8.0)

    assert histogram.quantile(0.5) == pytest.approx(0.010, rel=0.01)
    assert histogram.quantile(0.99) == pytest.approx(0.010, rel=0.01)
    assert histogram.quantile(0.991) == pytest.approx(8.0, rel=0.01)


def test_an_empty_histogram_and_a_value_of_nothing_are_told() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.99) == 0
    assert histogram.told() == "none"
    histogram.record(0.0)
    assert histogram.quantile(0.99) == 0
    assert histogram.count == 1


def test_two_parts_told_as_data_come_to_what_one_would_have_counted() -> None:
    whole, parts = Tally(), [Tally(), Tally()]
    for number in range(100):
        for tally in (whole, parts[number % 2]):
            tally.visits += 1
            tally.cpu_seconds += 0.5
            tally.acks.record(number / 100)
            tally.failed(f"status 14: device {number} of 10")
            tally.troubles["cut: cut"] += 1

    merged = Tally()
    for part in parts:
        merged.merge(Tally.read(json.loads(json.dumps(part.kept()))))

    assert merged.measured() == whole.measured()
    assert merged.errors == {"status N: device N of N": 100}
