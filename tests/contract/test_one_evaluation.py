"""What a rule asks in one evaluation is what its conditions say one by one."""

from collections.abc import Sequence
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.casefile import CaseFile
from vigie_server.domain.conditions import (
    Branch,
    Compiler,
    Condition,
    Evidence,
    Kind,
    Problem,
)
from vigie_server.domain.examples import NOW, Example
from vigie_server.domain.judge import Judge
from vigie_server.domain.rules import Rule

CATALOGUE: Final = bundled_catalogue()
JUDGE: Final = Judge(CATALOGUE)
every_rule: Final = pytest.mark.parametrize(
    "rule", CATALOGUE.rules.values(), ids=lambda rule: rule.id
)
"""Each with all its examples: there are too many for a test each."""
VALUES: Final = {"rows": [{"part": "a", "#": 0}, {"part": "b", "#": 1}], "lent": None, "found": 3}


@every_rule
def test_every_rule_asks_all_at_once(rule: Rule) -> None:
    assert rule.conditions.decision.with_asides


@every_rule
def test_an_example_is_told_alike_at_once_and_one_by_one(rule: Rule) -> None:
    for example in rule.examples:
        case_is_told_alike(rule, example)


def case_is_told_alike(rule: Rule, example: Example) -> None:
    case = CaseFile(
        example.device,
        example.facts(CATALOGUE.topics),
        CATALOGUE.topics,
        now=NOW,
        layout=JUDGE.layout((rule,)),
        settings=(JUDGE.setting(rule, example.device),),
        whys=CATALOGUE.whys,
    )
    decision = rule.conditions.decision

    told, taken = decision.told(case.evidence), decision.taken(case.evidence)

    if isinstance(told, Problem):
        assert told == taken, example.name
        return
    place, numbers, asides = told
    assert (place, numbers) == taken, example.name
    for aside, value in asides.items():
        assert type(value) is bool or aside.number(case.evidence) == value, example.name
        assert type(value) is not bool or aside.holds(case.evidence) is value, example.name


def told(when: str, rows: str | None, asides: Sequence[str], let: dict[str, str]) -> object:
    shared = {"rows": Kind.ROWS, "lent": Kind.ANY, "found": Kind.INTEGER}
    compiler = Compiler("rule", shared=shared, own={}, bindings=let)
    conditions: list[Condition] = [compiler.condition(text) for text in asides]
    decision = compiler.decision([Branch(when, rows, tuple(conditions)), Branch(None, None)])
    answer = decision.told(Evidence(VALUES))
    assert not isinstance(answer, Problem)
    place, numbers, values = answer
    return place, list(numbers), [values.get(condition, "asked apart") for condition in conditions]


def test_asides_are_numbers_flags_and_null() -> None:
    asides = ["found * 2", "2.5", "found > 2", "lent", "size(named)"]

    answer = told("found == 3", "rows.filter(r, r.part == 'b')", asides, {"named": "rows"})

    assert answer == (0, [1], [6, 2.5, True, None, 2])


@pytest.mark.parametrize("aside", ["1 / (found - 3)", "lent + 1", "rows", "'text'", "[lent]"])
def test_an_aside_that_gives_no_plain_value_spoils_nothing(aside: str) -> None:
    answer = told("found == 3", "rows", ["found", aside], {})

    assert answer == (0, [0, 1], ["asked apart", "asked apart"])


def test_asides_of_a_branch_that_is_not_taken_are_not_asked() -> None:
    assert told("found == 4", "rows", ["1 / (found - 3)"], {}) == (1, [], ["asked apart"])


def test_a_binding_that_only_an_aside_needs_spoils_no_decision() -> None:
    answer = told("found == 3", None, ["broken"], {"broken": "1 / (found - 3)"})

    assert answer == (0, [], ["asked apart"])
