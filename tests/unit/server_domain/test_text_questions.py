"""What a rule asks of the texts of its rows, and which contents are alike to it."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.facts import CellTexts
from vigie_server.domain.parameters import Setting
from vigie_server.domain.reference import NameList
from vigie_server.domain.text_questions import (
    WHETHER_THE_SAME,
    Alike,
    Question,
    Questions,
    questions_of,
)

TOPIC: Final = bundled_catalogue().topics["accounts"]
FOLLOWED: Final = ("collected", "enabled", "part", "source", "username", "why")
ROWS: Final = "topics.accounts.rows"
NAMES: Final = NameList.of(["intern*"])
LISTED: Final = Question("listed", "names", of_parameter=True)


def asked(*expressions: str, elsewhere: tuple[str, ...] = ()) -> Questions:
    return questions_of(expressions, FOLLOWED, ["names"], TOPIC, elsewhere=elsewhere)


def equal_to(*texts: str) -> tuple[Question, ...]:
    return tuple(Question("==", text) for text in texts)


@pytest.mark.parametrize(
    ("expression", "questions"),
    [
        ("size(ROWS) > 0", ()),
        ("ROWS.exists(r, r.username == 'root')", equal_to("root")),
        ("ROWS.exists(r, 'root' != r.username)", equal_to("root")),
        ("ROWS.filter(r, r.username in ['a', 'b'])", equal_to("a", "b")),
        ("['a', 'b'].all(name, ROWS.exists(r, r.username == name))", equal_to("a", "b")),
        ("ROWS.all(r, !listed(p.names, r.username))", (LISTED,)),
        ("ROWS.all(r, r.username.startsWith('adm'))", (Question("startsWith", "adm"),)),
        ("ROWS.exists(r, r.username.contains('x') && r.enabled)", (Question("contains", "x"),)),
        ("ROWS.exists(r, ROWS.exists(x, x.username == r.username))", (WHETHER_THE_SAME,)),
        ("size(distinct(ROWS.map(r, r.username))) > 1", (WHETHER_THE_SAME,)),
        (
            "ROWS.exists(r, r.username == '' || listed(p.names, r.username))",
            (*equal_to(""), LISTED),
        ),
    ],
)
def test_what_is_asked_of_a_column(expression: str, questions: tuple[Question, ...]) -> None:
    assert asked(expression.replace("ROWS", ROWS))["username"] == questions


@pytest.mark.parametrize(
    "expression",
    [
        "ROWS.map(r, r.username)",
        "distinct(ROWS.map(r, r.username))",
        "size(distinct(ROWS.map(r, other.username))) > 1",
        "ROWS.exists(r, r.username > 'a')",
        "ROWS.exists(r, r.username + 'x' == 'ax')",
        "ROWS.exists(r, size(r.username) > 3)",
        "ROWS.exists(r, r.username.matches('^a'))",
        "ROWS.exists(r, r.username == r.source)",
        "ROWS.exists(r, r.username == device.os)",
        "ROWS.exists(r, r.username in [r.source])",
        "ROWS.exists(r, listed(p.others, r.username))",
        "ROWS.exists(r, listed(r.username, 'a'))",
        "ROWS.exists(r, p.names == r.username)",
        "ROWS[0].username == 'a'",
        "row.username == 'a'",
        "['a', r.username].all(name, ROWS.exists(x, x.username == name))",
        "ROWS.exists(r, r.username == 'a') && ROWS.map(r, r.username) == ['a']",
    ],
)
def test_a_column_that_is_used_otherwise_is_given_up(expression: str) -> None:
    found = asked(expression.replace("ROWS", ROWS))

    assert "username" not in found
    assert asked(f"{ROWS}.exists(r, r.enabled)").keys() == {"source", "username"}


def test_an_expression_that_is_not_read_gives_up_every_column() -> None:
    assert asked(f"{ROWS}.exists(r, r.enabled == true) && {{'a': 1}} == {{}}") == {}
    assert asked(f"{ROWS}.exists(p, listed(p.names, p.username))") == {}
    assert questions_of(["true"], None, [], TOPIC) == {}


def test_a_column_of_two_topics_is_not_compared_with_itself() -> None:
    compared = f"{ROWS}.exists(r, topics.browsers.rows.exists(b, b.username == r.username))"

    assert "username" not in asked(compared, elsewhere=("username",))


def texts(*usernames: str) -> CellTexts:
    return len(usernames), (("enabled", ("1",) * len(usernames)), ("username", usernames))


def alike(*questions: Question) -> Alike:
    return Alike.by({"username": questions}, "X", Setting({}, {"X.p.names": NAMES.handle}))


def test_contents_with_the_same_answers_are_alike() -> None:
    told = alike(LISTED, *equal_to(""))

    assert told.of(texts("anna", "INTERN3")) == told.of(texts("bert", "intern"))
    assert told.of(texts("anna", "intern")) != told.of(texts("intern", "anna"))
    assert told.of(texts("anna")) != told.of(texts(""))
    assert told.of(texts("anna")) != told.of(texts("anna", "anna"))


def test_a_column_of_which_nothing_is_asked_makes_no_difference() -> None:
    assert alike().of(texts("anna")) == alike().of(texts("bert"))


@pytest.mark.parametrize(
    ("others", "apart"),
    [
        ((), set()),
        ((LISTED,), {"intern"}),
        ((WHETHER_THE_SAME,), {"anna"}),
        ((LISTED, WHETHER_THE_SAME), {"intern", "anna"}),
        (equal_to("bert"), {"bert"}),
    ],
)
def test_rules_together_tell_apart_what_any_of_them_does(
    others: tuple[Question, ...], apart: set[str]
) -> None:
    followed = ("enabled", "username")
    asks_root, asks_others = alike(*equal_to("root")), alike(*others)
    told = Alike.together([(asks_root, followed), (asks_others, followed), (alike(), ["enabled"])])
    first = texts("anna", "carl")

    for name in ("anna", "bert", "intern", "root", "dora"):
        second = texts("anna", name)
        alike_to_each = all(one.of(first) == one.of(second) for one in (asks_root, asks_others))

        assert (told.of(first) == told.of(second)) is alike_to_each
        assert alike_to_each is (name not in {"root"} | apart)


def test_a_column_that_one_of_the_rules_compares_by_its_texts_is_compared_so_by_all() -> None:
    by_text, indifferent = Alike({}), alike()
    rules = [(indifferent, ("enabled", "username")), (by_text, ("username",))]

    together = Alike.together(rules)
    apart = Alike.together([rules[0], (by_text, ("enabled",))])

    assert together.of(texts("anna")) != together.of(texts("bert"))
    assert together.telling(["enabled", "username"]) == ("enabled", "username")
    assert apart.of(texts("anna")) == apart.of(texts("bert"))
    assert apart.telling(["enabled", "username"]) == ("enabled",)


def test_other_columns_are_compared_as_they_are() -> None:
    off = (1, (("enabled", ("0",)), ("username", ("anna",))))

    assert alike().of(off) != alike().of(texts("anna"))


def test_rows_with_the_same_text_are_told_from_others() -> None:
    told = alike(WHETHER_THE_SAME)

    assert told.of(texts("anna", "bert", "anna")) == told.of(texts("carl", "", "carl"))
    assert told.of(texts("anna", "bert", "anna")) != told.of(texts("anna", "bert", "bert"))


def test_a_text_without_an_answer_is_like_itself_alone() -> None:
    references = bundled_catalogue().references.values()
    table = next(r.content for r in references if type(r.content).__name__ == "SupportTable")
    asks = Question("support_end", "names", of_parameter=True)
    told = Alike.by({"username": (asks,)}, "X", Setting({}, {"X.p.names": table.handle}))

    assert told.of(texts("no such system")) != told.of(texts("nor such a one"))
    assert told.of(texts("no such system")) == told.of(texts("no such system"))


@pytest.mark.parametrize(
    "questions",
    [
        (),
        equal_to("root", ""),
        (Question("contains", "ro"),),
        (Question("startsWith", "ro"), Question("endsWith", "ot")),
        (Question("contains", ""), Question("startsWith", ""), Question("endsWith", "")),
        (Question("startsWith", "ro"), *equal_to("anna")),
        (Question("contains", "ro"), LISTED),
    ],
)
@given(st.lists(st.text("arot\0", max_size=5), max_size=4), st.text("arot\0", max_size=5))
def test_many_texts_are_answered_together_as_one_by_one(
    questions: tuple[Question, ...], some: list[str], other: str
) -> None:
    told = alike(*questions)

    assert answered(told, *some, other) == answered(told, *some) + answered(told, other)


def answered(told: Alike, *names: str) -> list[object]:
    """Of each name, what is answered to each question."""
    asked = told.asked["username"]
    return list(zip(*[ask(names) for ask in asked], strict=True))
