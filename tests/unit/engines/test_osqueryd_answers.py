"""What osqueryd's structs mean."""

import pytest
from osquery.extensions.ttypes import ExtensionResponse, ExtensionStatus

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.engines.osqueryd_answers import NotAnAnswer, read_answer


def an_answer(
    rows: list[dict[str, str]] | None, *, code: int | None = 0, message: str | None = "OK"
) -> ExtensionResponse:
    return ExtensionResponse(ExtensionStatus(code, message, 0), rows)


def test_rows_follow_the_columns_that_were_asked_for() -> None:
    columns = an_answer([{"uid": "BIGINT"}, {"name": "TEXT"}])

    answer = read_answer(an_answer([{"name": "root", "uid": "0"}]), columns)

    assert answer == Rows(({"name": "root", "uid": "0"},), ("uid", "name"), ("BIGINT", "TEXT"))


def test_no_row_still_has_columns() -> None:
    answer = read_answer(an_answer([]), an_answer([{"uid": "BIGINT"}]))

    assert answer == Rows((), ("uid",), ("BIGINT",))


def test_a_struct_without_rows_is_no_row() -> None:
    assert read_answer(an_answer(None)) == Rows(())


@pytest.mark.parametrize("columns", [None, an_answer([], code=1, message="map::at")])
def test_without_columns_the_names_are_the_rows_own(columns: ExtensionResponse | None) -> None:
    answer = read_answer(an_answer([{"a": "1", "b": "2"}]), columns)

    assert answer == Rows(({"a": "1", "b": "2"},), ("a", "b"), ("UNKNOWN", "UNKNOWN"))


def test_two_columns_of_one_name_are_one() -> None:
    columns = an_answer([{"a": "TEXT"}, {"a": "BIGINT"}])

    assert read_answer(an_answer([{"a": "1"}]), columns) == Rows(({"a": "1"},), ("a",), ("BIGINT",))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("no such table: nosuch", Reason.MISSING_TABLE),
        ("not authorized", Reason.NO_PERMISSION),
        ("no such column: x", Reason.ERROR),
        ("Table file was queried without a required column in the WHERE clause", Reason.ERROR),
    ],
)
def test_a_failure_keeps_osqueryds_words(message: str, reason: Reason) -> None:
    assert read_answer(an_answer([], code=1, message=message)) == QueryError(reason, message)


def test_a_failure_without_words_is_told_as_such() -> None:
    answer = read_answer(an_answer([], code=1, message=None))

    assert answer == QueryError(Reason.ERROR, "osqueryd gave no reason")


@pytest.mark.parametrize(
    "struct",
    [
        ExtensionResponse(None, []),
        an_answer([], code=None),
        ExtensionResponse(ExtensionStatus(0, b"OK", 0), []),
        ExtensionResponse(ExtensionStatus(0, "OK", 0), [{"a": 1}]),
        ExtensionResponse(ExtensionStatus(0, "OK", 0), [{b"a": "1"}]),
    ],
)
def test_a_struct_that_osqueryd_never_sends_is_no_answer(struct: ExtensionResponse) -> None:
    with pytest.raises(NotAnAnswer):
        read_answer(struct)
