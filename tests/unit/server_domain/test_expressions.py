"""What of CEL is read as a tree, and that all the rest is refused and not misread."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.expressions import Call, Items, Literal, Name, NotRead, Select, tree


def test_operators_bind_as_in_cel() -> None:
    assert tree("a || !b && c == 1 + 2 * -d") == Call(
        "||",
        None,
        (
            Name("a"),
            Call(
                "&&",
                None,
                (
                    Call("!", None, (Name("b"),)),
                    Call(
                        "==",
                        None,
                        (
                            Name("c"),
                            Call(
                                "+",
                                None,
                                (
                                    Literal(1),
                                    Call("*", None, (Literal(2), Call("neg", None, (Name("d"),)))),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


def test_sides_lean_to_the_left_and_choices_to_the_right() -> None:
    assert tree("a - b - c") == Call(
        "-", None, (Call("-", None, (Name("a"), Name("b"))), Name("c"))
    )
    assert tree("a ? b : c ? d : e") == Call(
        "?", None, (Name("a"), Name("b"), Call("?", None, (Name("c"), Name("d"), Name("e"))))
    )


def test_names_methods_indexes_and_lists() -> None:
    assert tree("topics.x.rows.filter(r, r.n in ['a', \"b\"])[0].n") == Select(
        Call(
            "[]",
            None,
            (
                Call(
                    "filter",
                    Select(Select(Name("topics"), "x"), "rows"),
                    (
                        Name("r"),
                        Call(
                            "in",
                            None,
                            (Select(Name("r"), "n"), Items((Literal("a"), Literal("b")))),
                        ),
                    ),
                ),
                Literal(0),
            ),
        ),
        "n",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a +",
        "(a",
        "[a, b",
        "{'a': 1}",
        "a.?b",
        "'it\\'s'",
        "r'raw'",
        "b'bytes'",
        "'''long'''",
        "1u",
        "0x1F",
        "1e3",
        "1.5.2",
        "a // why",
        "`a`",
        "a = 1",
        "in",
        "a.1",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(NotRead):
        tree(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "a" + ")" * 5_000,
        "a" + " + a" * 5_000,
        "a" + ".b" * 5_000,
        "!" * 5_000 + "a" + "[0]" * 5_000,
        "a ? b : " * 5_000 + "c",
    ],
)
def test_what_is_too_deep_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(NotRead):
        tree(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(NotRead):
        tree(text)
