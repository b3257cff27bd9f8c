"""Conditions give plain values, and nothing of the process is worn out by it."""

import gc
import sys

import pytest

from vigie_server.domain.conditions import Compiler, Condition, Evidence, Kind, Problem, ProblemKind

TIMES = 2_000


def condition(text: str) -> Condition:
    compiler = Compiler("rule", shared={"lent": Kind.ANY}, own={}, bindings={})
    return compiler.condition(text)


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("2.5", 2.5), ("lent", None), ("uint(7)", 7)]
)
def test_a_number_or_null(text: str, number: float | None) -> None:
    assert condition(text).number(Evidence({"lent": None})) == number


@pytest.mark.parametrize("text", ["true", "'3'", "[lent]", "{'lent': lent}", "duration('1h')"])
def test_nothing_else_is_a_number(text: str) -> None:
    answer = condition(text).number(Evidence({"lent": None}))

    assert isinstance(answer, Problem)
    assert answer.kind is ProblemKind.NOT_NUMBER


@pytest.mark.parametrize("text", ["1", "'true'", "lent", "[true]"])
def test_nothing_but_true_and_false_holds(text: str) -> None:
    answer = condition(text).holds(Evidence({"lent": None}))

    assert isinstance(answer, Problem)
    assert answer.kind is ProblemKind.NOT_BOOLEAN


@pytest.mark.parametrize("text", ["lent", "[lent]", "{'lent': lent}"])
def test_null_takes_no_reference_of_none_away(text: str) -> None:
    """Where it did, a server that had judged long enough ended with `none_dealloc`."""
    asked, evidence = condition(text), Evidence({"lent": None})
    held = [None] * TIMES  # so that the test, too, fails instead of ending the process
    gc.collect()
    gc.disable()  # what other tests left refers to None as well
    try:
        before = sys.getrefcount(None)
        for _ in range(TIMES):
            asked.number(evidence)
        lost = before - sys.getrefcount(None)
    finally:
        gc.enable()

    assert lost < TIMES // 2
    assert len(held) == TIMES
