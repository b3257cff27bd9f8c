"""The little of SQL that is read as text."""

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.safety_tokens import (
    Unreadable,
    edited,
    literal_lists,
    one_each,
    tokens_of,
)


def texts(sql: str) -> list[str]:
    return [token.text for token in tokens_of(sql)]


@pytest.mark.parametrize(
    ("sql", "tokens"),
    [
        ("a/**/b", ["a", "b"]),
        ("a/***/b", ["a", "b"]),
        ("a/* ; ' */b", ["a", "b"]),
        ("a/* x", ["a"]),
        ("a--b;\nc", ["a", "c"]),
        ("a--b\rc", ["a"]),
        ("a - -b", ["a", "-", "-", "b"]),
        ("'it''s' 'x'", ["'it''s'", "'x'"]),
        ('"a""b"[c]`d``e`', ['"a""b"', "[c]", "`d``e`"]),
        ("x'ab'", ["x", "'ab'"]),
        ("1.5e3 .5 0x1F", ["1.5e3", ".5", "0x1F"]),
        ("a->>'$.b'||c", ["a", "->>", "'$.b'", "||", "c"]),
    ],
)
def test_comments_and_quotes_are_those_of_sqlite(sql: str, tokens: list[str]) -> None:
    assert texts(sql) == tokens


@pytest.mark.parametrize("sql", ["'", "'it''s", '"x', "`x", "[x", "a \\ b", "\ufeffSELECT 1", "é"])
def test_what_is_not_sql_is_unreadable(sql: str) -> None:
    with pytest.raises(Unreadable):
        texts(sql)


pieces = st.sampled_from(
    [
        "1",
        "'a'",
        "'it''s'",
        "/**/",
        "/* x */",
        "/***/",
        "-- y\n",
        " ",
        "+",
        "||",
        ".5",
        '"q"',
        "(2)",
    ]
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_a_statement_means_the_same_when_only_its_tokens_are_left(expression: str) -> None:
    sql = f"SELECT {expression}"
    spaced = " ".join(texts(sql))

    assert outcome(sql) == outcome(spaced)


def outcome(sql: str) -> object:
    """What SQLite makes of it: the row, or that it is an error."""
    try:
        return apsw.Connection(":memory:").execute(sql).fetchall()
    except apsw.Error:
        return "an error"


def test_each_literal_of_each_list_has_its_turn() -> None:
    sql = "SELECT 1 WHERE a IN ('x', 'y', 'z') AND b NOT IN (1, 2) AND c IN ('one') AND d IN (e, f)"
    lists = tuple(literal_lists(tuple(tokens_of(sql))))

    turns = [edited(sql, one_each(lists, turn)) for turn in range(3)]

    assert turns == [
        f"SELECT 1 WHERE a IN ({a}) AND b NOT IN ({b}) AND c IN ('one') AND d IN (e, f)"
        for a, b in [("'x'", "1"), ("'y'", "2"), ("'z'", "2")]
    ]


def test_a_name_is_the_same_in_all_quotes() -> None:
    names = [token.unquoted for token in tokens_of('f "f" [f] `f` \'f\' "f"""')]

    assert names == ["f", "f", "f", "f", "f", 'f"']
