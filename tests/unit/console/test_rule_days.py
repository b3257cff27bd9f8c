"""The chart of a rule's days."""

from datetime import date, timedelta

import pytest

from vigie_server.console.presenters.rule_days import days_chart, span_of, step_of
from vigie_server.ports.lists import RuleTally
from vigie_server.ports.rule_days import DayOfRule

TODAY = date(2026, 11, 26)
SINCE = TODAY - timedelta(days=30)


def a_day(ago: int, failing: int, *, unknown: int = 0, waived: int = 0) -> DayOfRule:
    tally = RuleTally("Q06-firewall-enabled", 1, failing, waived, unknown)
    return DayOfRule(TODAY - timedelta(days=ago), tally)


def test_lines_go_from_the_first_day_to_today() -> None:
    days = [a_day(15, 8, unknown=1), a_day(1, 4), a_day(0, 0, unknown=2)]

    chart = days_chart(days, since=SINCE, today=TODAY)

    assert chart is not None
    assert chart.failing == "300,0 580,60 600,120"
    assert chart.unknown == "300,105 580,120 600,90"
    assert chart.ends == (120, 90)
    assert chart.scale == [(120, 0), (90, 2), (60, 4), (30, 6), (0, 8)]
    assert chart.named[0] == (0, SINCE)
    assert not chart.waived


def test_failures_that_were_accepted_are_told_of() -> None:
    chart = days_chart([a_day(1, 1, waived=2), a_day(0, 1)], since=SINCE, today=TODAY)

    assert chart is not None
    assert chart.waived


def test_no_failure_is_a_line_at_the_bottom() -> None:
    chart = days_chart([a_day(1, 0), a_day(0, 0)], since=SINCE, today=TODAY)

    assert chart is not None
    assert chart.failing == "580,120 600,120"
    assert chart.scale == [(120, 0), (0, 1)]


def test_one_day_has_no_line() -> None:
    assert days_chart([a_day(0, 3)], since=SINCE, today=TODAY) is None


@pytest.mark.parametrize(
    ("top", "step"),
    [(0, 1), (3, 1), (4, 1), (5, 2), (9, 5), (40, 10), (41, 20), (97_531, 50_000)],
)
def test_the_scale_has_round_numbers(top: int, step: int) -> None:
    assert step_of(top) == step


@pytest.mark.parametrize(
    ("given", "days"), [("30", 30), ("365", 365), ("", 90), ("31", 90), ("<b>", 90)]
)
def test_days_back_are_those_that_can_be_chosen(given: str, days: int) -> None:
    assert span_of(given) == days
