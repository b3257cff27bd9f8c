"""Live questions: what is refused before anybody is asked, and when one is done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vigie_server.bundled import bundled_questions
from vigie_server.domain.asking import (
    Asking,
    Candidate,
    Limits,
    Question,
    Target,
    addressed,
    progress,
    question_of,
)
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeclarationRefused

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIMITS = Limits(
    rows=100,
    answer_bytes=1000,
    timeout=timedelta(seconds=30),
    within=timedelta(hours=1),
    devices=2,
    at_once=1,
    open=2,
)
HERE = Target(site="Les Tilleuls")
QUESTIONS = bundled_questions()


def a_question(**changes: Any) -> Question:
    wanted: dict[str, Any] = {"target": HERE, "purpose": "panne", "question": "uptime"}
    asking = Asking(**wanted | changes)
    return question_of(
        asking,
        QUESTIONS,
        LIMITS,
        question_id="question-1",
        asked_by="api:t1",
        role="operator",
        now=NOW,
    )


def a_candidate(key: int, **changes: Any) -> Candidate:
    made = Candidate(key, f"d{key}", "Les Tilleuls", "linux", DeviceState.ACTIVE, disabled=False)
    return replace(made, **changes)


def asked_keys(question: Question, *candidates: Candidate, free: tuple[str, ...] = ()) -> list[int]:
    found = addressed(
        question, candidates, free_sites=free, limits=LIMITS, open_questions=LIMITS.open - 1
    )
    return [one.key for one in found.asked]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": None}, "one thing"),
        ({"sql": "SELECT 1"}, "one thing"),
        ({"question": "uptim"}, "uptime"),
        ({"purpose": "  "}, "why it is asked"),
        ({"purpose": "a\x1b[2J"}, "why it is asked"),
        ({"rows": 0}, "1 to 100"),
        ({"rows": 101}, "1 to 100"),
        ({"within": timedelta(hours=2)}, "1 to 3600 seconds"),
        ({"question": None, "sql": "DELETE FROM users"}, "only a SELECT"),
        ({"question": None, "sql": " "}, "characters"),
        ({"parameters": {"name": "x"}}, "no parameter name"),
        ({"question": "service-state"}, "needs name"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        a_question(**changes)


@pytest.mark.parametrize(
    "whom",
    [
        {},
        {"site": "a", "every": True},
        {"devices": ("a",), "group": "g"},
        {"devices": ("a",), "site": "s"},
    ],
)
def test_a_question_has_one_target(whom: dict[str, Any]) -> None:
    with pytest.raises(DeclarationRefused, match="whom to ask"):
        Target(**whom)


def test_a_parameter_stands_in_the_sql_of_every_platform() -> None:
    question = a_question(question="service-state", parameters={"name": " cups.service "})

    assert "id = 'cups.service'" in question.sql["linux"]
    assert "name = 'cups.service'" in question.sql["windows"]


def test_the_devices_user_is_told_the_role_and_the_reason_french_first() -> None:
    question = a_question()

    assert question.told_asker == "un opérateur de Vigie / an operator of Vigie"
    assert question.told_purpose.startswith("Temps depuis")
    assert question.told_purpose.endswith("(panne)")
    assert "t1" not in question.told_asker + question.told_purpose


def test_devices_that_may_not_speak_or_have_no_sql_are_not_asked() -> None:
    question = a_question(question="service-state", parameters={"name": "Spooler"})
    mac = a_candidate(2, platform="darwin")
    out = [
        a_candidate(3, state=DeviceState.QUARANTINED),
        a_candidate(4, state=DeviceState.RETIRED),
        a_candidate(5, disabled=True),
    ]

    found = addressed(
        question,
        [a_candidate(1), mac, *out],
        free_sites=(),
        limits=LIMITS,
        open_questions=0,
    )

    assert [one.key for one in found.asked] == [1]
    assert found.unsuited == (mac,)
    with pytest.raises(DeclarationRefused, match="no device to ask"):
        asked_keys(question, *out)


def test_ones_own_select_needs_the_leave_of_every_site_it_goes_to() -> None:
    own = a_question(question=None, sql="SELECT 1")
    elsewhere = a_candidate(2, site="Les Lilas")

    assert own.personal  # nobody knows what it holds
    assert asked_keys(own, a_candidate(1), free=("Les Tilleuls",)) == [1]
    with pytest.raises(DeclarationRefused, match="not allowed at Les Lilas:"):
        asked_keys(own, a_candidate(1), elsewhere, free=("Les Tilleuls",))
    assert asked_keys(a_question(), a_candidate(1), elsewhere) == [1, 2]


def test_no_more_devices_and_no_more_questions_than_the_limits() -> None:
    question = a_question()

    assert asked_keys(question, a_candidate(1), a_candidate(2)) == [1, 2]
    with pytest.raises(DeclarationRefused, match="3 devices, at most 2"):
        asked_keys(question, a_candidate(1), a_candidate(2), a_candidate(3))
    with pytest.raises(DeclarationRefused, match="wait for answers already"):
        addressed(
            question, [a_candidate(1)], free_sites=(), limits=LIMITS, open_questions=LIMITS.open
        )


@pytest.mark.parametrize(
    ("outcomes", "at", "cancelled", "done"),
    [
        ({"waiting": 1, "ok": 1}, NOW, False, False),
        ({"refused": 1, "ok": 1}, NOW, False, True),
        ({"waiting": 1}, NOW + timedelta(hours=1), False, True),
        ({"waiting": 1}, NOW, True, True),
    ],
)
def test_a_question_is_done_when_all_have_answered_or_its_time_is_over(
    outcomes: dict[str, int], at: datetime, cancelled: bool, done: bool
) -> None:
    found = progress(outcomes, until=NOW + timedelta(hours=1), cancelled=cancelled, now=at)

    assert found.done is done
    assert found.answered == found.devices - outcomes.get("waiting", 0)
