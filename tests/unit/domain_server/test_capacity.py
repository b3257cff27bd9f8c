from dataclasses import replace
from datetime import timedelta
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.admission import MOST_HELD
from vigie_server.domain.capacity import Costs, Deployment, Fleet, planned
from vigie_server.settings_store import StoreSettings

COSTS = Costs(
    visit_cpu=0.004,
    replica_visit_cpu=0.002,
    change_cpu=0.001,
    heartbeat_cpu=0.0001,
    scraped_cpu_per_megabyte=0.01,
    scraped_page_cpu=0.003,
    process_memory=100e6,
    device_memory=5e3,
    stream_memory=100e3,
    device_stored=40e3,
    change_stored=1e3,
    transition_stored=500,
    rules=40,
    rule_day_stored=50,
    database_visit_cpu=0.001,
    database_change_cpu=0.002,
    database_stored=1.5,
    series_device=9,
    series_rules=50,
    series_site=100,
    series_server=10,
    series_common=40,
    series_recorded_site=30,
    series_recorded=70,
    series_bytes=100,
    gzip_share=0.1,
    prometheus_series_memory=4e3,
    prometheus_sample_stored=1.5,
)
HOUR = Fleet(devices=3_600, period=timedelta(hours=1), sites=2, failing=0.1)
SCRAPED = 3_600 * (9 + 1 + 50 * 1.1) + 2 * 100 + 40


def test_a_device_an_hour_a_second_costs_what_its_parts_cost() -> None:
    plan = planned(HOUR, COSTS)

    assert plan.visits == 1
    assert plan.changes == 0.05
    scrape = SCRAPED * 100
    assert plan.series == pytest.approx(SCRAPED + 10 + 2 * 30 + 70)
    assert plan.scrape_bytes == pytest.approx(scrape)
    expected = 1 * 0.004 + 0.05 * 0.001 + (scrape / 1e6 * 0.01 + 0.003) / 60
    assert plan.server_cores == pytest.approx(expected)
    assert plan.replica_memory == 100e6 + 3_600 * 5e3
    assert plan.deployment is Deployment.ONE_PROCESS_SQLITE
    assert plan.replicas == 1
    assert plan.database_cores == 0


def test_what_is_stored_is_what_retention_keeps() -> None:
    short = replace(HOUR, evidence_kept=timedelta(days=10), rule_days_kept=timedelta(days=9))

    plan = planned(short, COSTS)

    changes = 0.05 * 10 * 86_400 * 1e3
    transitions = 3_600 * 80 * 3 * 500
    # So many devices move every count every day: those of two sites, and of both together.
    days_of_rules = 40 * (3 * 9 + 3) * 50
    assert plan.database_bytes == pytest.approx(
        3_600 * 40e3 + changes + transitions + days_of_rules, abs=10
    )


def test_a_day_of_a_rule_is_stored_where_a_verdict_moved_its_count() -> None:
    still = replace(HOUR, devices=365, sites=365, transitions_a_year=0, changed=0)
    each = replace(still, transitions_a_year=40)  # a device a site: a move a rule in 365 days

    held = planned(still, COSTS).database_bytes
    moving = planned(each, COSTS).database_bytes - 365 * 40 * 3 * 500

    assert held == pytest.approx(365 * 40e3 + 40 * 366 * 50)
    a_day = 365 * (1 - exp(-1 / 365)) + (1 - exp(-1))
    assert moving - held == pytest.approx(40 * a_day * 400 * 50)


def test_devices_that_stay_do_not_visit_and_take_a_stream_each() -> None:
    plan = planned(replace(HOUR, held=3_600), COSTS)

    assert plan.visits == 0
    assert plan.changes == 0.05
    assert plan.replica_memory == 100e6 + 3_600 * (5e3 + 100e3)
    assert plan.server_cores > 3_600 / 60 * 0.0001


def test_no_process_is_given_more_streams_than_one_holds_by_itself() -> None:
    most = Fleet(devices=100_000, period=timedelta(minutes=15), held=MOST_HELD)
    more = replace(most, held=MOST_HELD + 1)
    free = replace(COSTS, visit_cpu=0, heartbeat_cpu=0, scraped_cpu_per_megabyte=0)

    assert planned(most, free).replicas == 1
    assert planned(more, free).deployment is Deployment.REPLICAS_POSTGRESQL
    assert planned(more, free).working == 2
    assert planned(replace(more, held=100_000), free).working == 3


def test_a_fleet_beyond_one_process_gets_one_replica_more_than_the_work_takes() -> None:
    plan = planned(Fleet(devices=1_000_000, period=timedelta(minutes=15)), COSTS)

    assert plan.deployment is Deployment.REPLICAS_POSTGRESQL
    assert (plan.replicas - 2) * 0.6 < plan.server_cores <= (plan.replicas - 1) * 0.6
    assert plan.database_cores == pytest.approx(plan.visits * 0.001 + plan.changes * 0.002)
    work = plan.visits * (0.004 + 0.002) + plan.changes * 0.001
    # Several Prometheus share the sites: a page is scraped of each.
    scraped = plan.scrape_bytes / 1e6 * 0.01 + 20_000 * 0.003
    assert plan.server_cores == pytest.approx(work + scraped / 60)
    assert (plan.sites, plan.prometheus) == (20_000, 5)
    assert plan.database_connections == plan.replicas * (StoreSettings().connections + 2)


def test_the_same_rows_take_more_room_in_postgresql() -> None:
    often = replace(HOUR, period=timedelta(seconds=10), changed=0)

    one, several = planned(replace(HOUR, changed=0), COSTS), planned(often, COSTS)

    assert several.deployment is Deployment.REPLICAS_POSTGRESQL
    assert several.database_bytes == pytest.approx(one.database_bytes * 1.5)
    assert several.database_memory == pytest.approx(3_600 * 40e3 * 1.5)
    assert (one.database_memory, one.database_connections) == (0, 0)


def test_above_the_limit_only_failing_rules_are_series() -> None:
    few = planned(replace(HOUR, devices=20_000), COSTS)
    many = planned(replace(HOUR, devices=20_001), COSTS)

    besides = 2 * 100 + 40 + 10 + 2 * 30 + 70
    assert few.series == pytest.approx(20_000 * (10 + 50 * 1.1) + besides)
    assert many.series == pytest.approx(20_001 * (10 + 50 * 0.2) + besides)


def test_groups_and_sites_are_series_too() -> None:
    more = planned(replace(HOUR, sites=3, groups=2.5), COSTS)

    assert more.series - planned(HOUR, COSTS).series == pytest.approx(3_600 * 1.5 + 100 + 30)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(HOUR, devices=0),
        replace(HOUR, changed=1.5),
        replace(HOUR, failing=-0.1),
        replace(HOUR, sites=0),
        replace(HOUR, groups=-1),
        replace(HOUR, period=timedelta(0)),
        replace(HOUR, heartbeat=timedelta(seconds=-1)),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(wrong: Fleet) -> None:
    with pytest.raises(ValueError, match=r"fleet|share|longer than nothing"):
        planned(wrong, COSTS)


@given(st.integers(1, 2_000_000), st.integers(60, 86_400), st.integers(0, 50_000))
def test_more_devices_never_take_less_work(devices: int, period: int, held: int) -> None:
    fleet = Fleet(devices=devices, period=timedelta(seconds=period), held=held)
    more = replace(fleet, devices=devices + 10_000, failing_rules_only_above=0)
    less = replace(fleet, failing_rules_only_above=0)

    first, second = planned(less, COSTS), planned(more, COSTS)

    assert first.server_cores < second.server_cores
    assert first.database_bytes < second.database_bytes
    assert first.replicas <= second.replicas
    assert first.series < second.series
