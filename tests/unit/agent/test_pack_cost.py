"""The arithmetic of `make pack-cost`: a query's share of a day, and the totals against budgets."""

from datetime import timedelta

from bench.pack_cost import QueryCost, linux_queries, totals

HOUR = timedelta(hours=1)


def a_cost(cpu: float, interval: timedelta = HOUR, outcome: str = "ok") -> QueryCost:
    return QueryCost("embedded", "fans_linux_front", interval, cpu, cpu, 4, outcome)


def test_a_share_is_the_cpu_of_all_runs_of_a_day() -> None:
    assert round(a_cost(0.36).share, 9) == 0.01  # 24 runs of 360 ms in 86,400 s
    assert round(a_cost(0.36, timedelta(minutes=10)).share, 9) == 0.06


def test_totals_add_up_and_say_what_misses_its_budget() -> None:
    whole, share = totals("embedded", [a_cost(2.0), a_cost(2.0, timedelta(minutes=10))])

    assert (whole.measured, whole.met) == (4.0, False)
    assert (round(share.measured, 6), share.met) == (0.388889, False)


def test_a_query_without_an_answer_is_told_and_no_budget_is_met_by_it() -> None:
    failed = a_cost(0.1, outcome="timeout: 60 s")

    whole, share = totals("embedded", [failed, a_cost(0.1)])

    assert (whole.met, share.met) == (None, None)
    assert failed.told().endswith("timeout: 60 s")
    assert whole.how == "2 queries, 8 rows, 1 without an answer"


def test_every_linux_query_is_measured() -> None:
    names = [query.name for query in linux_queries()]

    assert len(names) == len(set(names))
    assert all("_linux_" in name for name in names)
    assert names
