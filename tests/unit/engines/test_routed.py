"""Which of two engines a question goes to."""

from datetime import timedelta

import pytest

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.engines.recorded import RecordedEngine
from vigie_agent.engines.routed import RoutedEngine

BUDGET = timedelta(seconds=1)
THEIRS = Rows(({"from": "osqueryd"},))
OURS = Rows(({"from": "agent"},))


@pytest.fixture
def engine() -> RoutedEngine:
    main = RecordedEngine(
        {"SELECT username FROM users": THEIRS, "SELECT 1": THEIRS},
        name="osqueryd",
        version="5.23.1",
    )
    own = RecordedEngine({"SELECT key FROM vigie_settings": OURS})
    return RoutedEngine(
        main, own, own_tables=frozenset({"vigie_settings", "vigie_clamav"}), platform="linux"
    )


def test_osquerys_tables_are_asked_of_osqueryd(engine: RoutedEngine) -> None:
    assert engine.query("SELECT username FROM users;", timeout=BUDGET) == THEIRS
    assert engine.query("SELECT 1", timeout=BUDGET) == THEIRS


def test_our_tables_never_reach_a_foreign_osqueryd(engine: RoutedEngine) -> None:
    assert engine.query("SELECT key FROM vigie_settings", timeout=BUDGET) == OURS


def test_a_question_to_both_is_refused_with_the_reason(engine: RoutedEngine) -> None:
    answer = engine.query("SELECT 1 FROM users, vigie_settings", timeout=BUDGET)

    assert answer == QueryError(
        Reason.REFUSED,
        "vigie_settings cannot be joined with osqueryd's own tables: ask apart",
    )


def test_the_name_of_our_table_in_a_text_is_only_a_text(engine: RoutedEngine) -> None:
    answer = engine.query("SELECT 'vigie_settings' FROM users", timeout=BUDGET)

    assert answer == QueryError(Reason.MISSING_TABLE, "nothing was recorded")  # asked of osqueryd


def test_what_is_not_allowed_reaches_neither(engine: RoutedEngine) -> None:
    answer = engine.query("SELECT * FROM curl WHERE url = 'x'", timeout=BUDGET)

    assert isinstance(answer, QueryError)
    assert answer.reason is Reason.REFUSED


def test_it_goes_by_the_name_of_the_main_engine(engine: RoutedEngine) -> None:
    assert (engine.name, engine.version) == ("osqueryd", "5.23.1")
