"""A snapshot holds every part's rows, and a row for each part that could not be read."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.assembly import assemble
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.plan import TopicPlan
from vigie_agent.domain.snapshot import Snapshot, Status

FANS = TopicPlan("fans", 1, timedelta(hours=1), ("part", "collected", "why", "speed"), ())
UNDECLARED = TopicPlan("pack.site.q", 1, timedelta(hours=1), None, ())
NO_RIGHTS = QueryError(Reason.NO_PERMISSION, "/etc/fans")
LIMITS = Limits()

Answers = dict[str, Rows | QueryError]


def speeds(part: str, *values: str) -> Rows:
    """What a query about fans answers: one row a speed."""
    columns = ("part", "collected", "why", "speed")
    rows = tuple({"part": part, "collected": "yes", "why": "", "speed": value} for value in values)
    return Rows(rows, columns)


def rows_of(snapshot: Snapshot) -> list[dict[str, str]]:
    return [dict(zip(snapshot.columns, row, strict=True)) for row in snapshot.rows]


def test_the_rows_of_all_parts_are_one_snapshot() -> None:
    answers: Answers = {"front": speeds("front", "9"), "back": speeds("back", "7", "8")}

    snapshot = assemble(FANS, answers, limits=LIMITS)

    assert snapshot.status is Status.OK
    assert snapshot.columns == ("collected", "part", "speed", "why")
    assert [row["speed"] for row in rows_of(snapshot)] == ["7", "8", "9"]


def test_a_part_that_failed_is_a_row_that_says_why() -> None:
    answers: Answers = {"front": speeds("front", "9"), "back": NO_RIGHTS}

    snapshot = assemble(FANS, answers, limits=LIMITS)

    assert (snapshot.status, snapshot.message) == (Status.OK, "")
    assert rows_of(snapshot)[0] == {
        "part": "back",
        "collected": "no",
        "why": "no_permission: /etc/fans",
        "speed": "",
    }


def test_a_part_without_rows_has_no_row() -> None:
    snapshot = assemble(FANS, {"front": speeds("front")}, limits=LIMITS)

    assert (snapshot.status, snapshot.rows) == (Status.OK, ())


def test_when_no_part_answered_the_status_says_so_and_the_rows_stay() -> None:
    answers: Answers = {"front": NO_RIGHTS, "back": NO_RIGHTS}

    snapshot = assemble(FANS, answers, limits=LIMITS)

    assert snapshot.status is Status.NO_PERMISSION
    assert snapshot.message == ("back: no_permission: /etc/fans; front: no_permission: /etc/fans")
    assert len(snapshot.rows) == 2


def test_parts_that_failed_for_different_reasons_are_an_error() -> None:
    answers: Answers = {"front": NO_RIGHTS, "back": QueryError(Reason.TIMEOUT)}

    snapshot = assemble(FANS, answers, limits=LIMITS)

    assert snapshot.status is Status.ERROR
    assert snapshot.message == "back: timeout; front: no_permission: /etc/fans"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (("part", "collected", "why"), "error: the answer lacks the columns speed"),
        (
            ("part", "collected", "why", "speed", "noise"),
            "error: the topic lacks the columns noise",
        ),
        (
            ("part", "collected", "why", "fast"),
            "error: the answer lacks the columns speed; the topic lacks the columns fast",
        ),
    ],
    ids=["missing", "extra", "both"],
)
def test_an_answer_with_other_columns_is_a_failure_that_names_them(
    columns: tuple[str, ...], why: str
) -> None:
    with_rows = Rows((dict.fromkeys(columns, "1"),))
    without_rows = Rows((), columns)

    for answer in (with_rows, without_rows):
        snapshot = assemble(FANS, {"front": answer, "back": speeds("back")}, limits=LIMITS)

        assert [row["why"] for row in rows_of(snapshot)] == [why]


def test_a_topic_that_nobody_declared_takes_the_columns_of_its_answer() -> None:
    snapshot = assemble(UNDECLARED, {"": Rows(({"b": "1", "a": "2"},))}, limits=LIMITS)

    assert (snapshot.columns, snapshot.rows) == (("a", "b"), (("2", "1"),))


def test_a_topic_that_nobody_declared_fails_without_rows() -> None:
    snapshot = assemble(UNDECLARED, {"": QueryError(Reason.REFUSED, "curl")}, limits=LIMITS)

    assert (snapshot.status, snapshot.message) == (Status.REFUSED, "refused: curl")
    assert snapshot.rows == ()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_rows=1), "more than 1 rows"),
        (Limits(max_columns=3), "more than 3 columns"),
        (Limits(max_value_bytes=5), "a value of more than 5 bytes"),
        (Limits(max_message_bytes=20), "more than 10 bytes"),
    ],
    ids=["rows", "columns", "value", "message"],
)
def test_over_a_limit_only_the_status_travels(limits: Limits, message: str) -> None:
    snapshot = assemble(FANS, {"front": speeds("front", "fast", "éééé")}, limits=limits)

    assert (snapshot.status, snapshot.message) == (Status.TOO_LARGE, message)
    assert (snapshot.columns, snapshot.rows) == ((), ())


@given(st.permutations(["front", "back", "side"]), st.lists(st.sampled_from("123"), max_size=5))
def test_the_digest_does_not_depend_on_the_order_of_answers(
    parts: list[str], values: list[str]
) -> None:
    answers: Answers = {
        "front": speeds("front", *values),
        "back": speeds("back", *reversed(values)),
        "side": NO_RIGHTS,
    }

    snapshot = assemble(FANS, {part: answers[part] for part in parts}, limits=LIMITS)

    assert snapshot.digest == assemble(FANS, answers, limits=LIMITS).digest
