import pytest

from vigie_agent.domain.table import ColumnType, Value
from vigie_agent.engines.embedded_values import SqlValue, answer_text, cell, decimal


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (None, ColumnType.BIGINT, None),
        (None, ColumnType.DOUBLE, None),
        (None, ColumnType.TEXT, ""),
        ("12", ColumnType.INTEGER, 12),
        ("-1", ColumnType.BIGINT, -1),
        ("", ColumnType.BIGINT, None),
        ("1_000", ColumnType.BIGINT, None),
        ("twelve", ColumnType.INTEGER, None),
        (True, ColumnType.INTEGER, 1),
        (2.9, ColumnType.INTEGER, 2),
        (float("nan"), ColumnType.INTEGER, None),
        (2**64 - 1, ColumnType.UNSIGNED_BIGINT, -1),
        (2**64, ColumnType.UNSIGNED_BIGINT, None),
        (-(2**63) - 1, ColumnType.BIGINT, None),
        ("0.5", ColumnType.DOUBLE, 0.5),
        ("half", ColumnType.DOUBLE, None),
        (7, ColumnType.TEXT, "7"),
    ],
)
def test_a_cell_has_its_columns_type(value: Value, type_: ColumnType, expected: SqlValue) -> None:
    assert cell(value, type_) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (-7, "-7"),
        (2.0, "2.0"),
        (-3.0, "-3.0"),
        (2.5, "2.5"),
        (2**0.5, "1.4142135623731"),
        (1e20, "1e+20"),
        (float("inf"), "inf"),
        ("a\0b", "a"),
        (b"caf\xe9", "caf�"),
    ],
)
def test_an_answer_is_text_in_osquerys_form(value: object, text: str) -> None:
    assert answer_text(value) == text


@pytest.mark.parametrize(
    ("written", "plain"),
    [("007", "7"), ("+7", "7"), ("7.0", "7"), ("7.5", "7.5"), ("root", "root"), ("", "")],
)
def test_a_whole_number_is_told_plainly(written: str, plain: str) -> None:
    assert decimal(written) == plain
