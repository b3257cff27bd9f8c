"""A query that overruns twice in a row is set aside for a day, and says so."""

from datetime import timedelta

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.overruns import Overruns

DAY = timedelta(hours=24)
NOW = timedelta(days=3)


def test_one_overrun_is_forgiven() -> None:
    overruns = Overruns()

    set_aside = overruns.overran("SELECT 1", NOW)

    assert not set_aside
    assert overruns.refusal("SELECT 1", NOW) is None


def test_the_second_overrun_in_a_row_sets_the_query_aside_for_a_day() -> None:
    overruns = Overruns()
    overruns.overran("SELECT 1", NOW)

    set_aside = overruns.overran("SELECT 1", NOW)

    assert set_aside
    assert overruns.refusal("SELECT 1", NOW + DAY - timedelta(seconds=1)) == QueryError(
        Reason.DENYLISTED, "overran twice, set aside for 24 hours"
    )
    assert overruns.refusal("SELECT 1", NOW + DAY) is None
    assert overruns.refusal("SELECT 2", NOW) is None


def test_an_answer_in_between_starts_the_count_again() -> None:
    overruns = Overruns()
    overruns.overran("SELECT 1", NOW)

    overruns.answered("SELECT 1")

    assert not overruns.overran("SELECT 1", NOW)


def test_after_its_day_a_query_has_two_chances_again() -> None:
    overruns = Overruns()
    overruns.overran("SELECT 1", NOW)
    overruns.overran("SELECT 1", NOW)
    overruns.refusal("SELECT 1", NOW + DAY)

    assert not overruns.overran("SELECT 1", NOW + DAY)
    assert overruns.overran("SELECT 1", NOW + DAY)
