"""Rows from anywhere become text that a terminal shows as it is."""

from vigie_agent.cli.tables import counted, table


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    rows = [{"name": "a", "speed": "1200"}, {"name": "front"}]

    lines = list(table(("name", "speed"), rows, indent="  "))

    assert lines == ["  name   speed", "  -----  -----", "  a      1200", "  front"]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    (*_, line) = table(("name",), [{"name": "\x1b[31mred\nnext"}])

    assert line == "\\x1b[31mred\\x0anext"


def test_a_long_cell_is_cut() -> None:
    (*_, line) = table(("name",), [{"name": "x" * 500}])

    assert line == "x" * 43 + "…"


def test_a_table_without_rows_is_its_head() -> None:
    assert list(table(("name",), [])) == ["name", "----"]


def test_one_is_counted_apart() -> None:
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
