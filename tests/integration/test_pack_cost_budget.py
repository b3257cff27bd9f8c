"""What the packs cost this machine stays within the budget that `make pack-cost` compares with."""

import platform

import pytest

from bench.pack_cost import costs_on, embedded, totals

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="the embedded engine is for Linux"
)


def test_a_collection_and_a_day_of_the_schedule_keep_to_their_budgets() -> None:
    # CPU, not time on the wall: what others do on this machine hardly counts.
    costs = list(costs_on("embedded", embedded, times=1))

    assert [cost.told() for cost in costs if cost.outcome != "ok"] == []
    assert [figure.told() for figure in totals("embedded", costs) if not figure.met] == []
