"""An explanation comes to the verdict that the judge gives, on every example of every rule."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.examples import NOW, Example
from vigie_server.domain.explaining import explain
from vigie_server.domain.judge import Judge
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Status

CATALOGUE: Final = bundled_catalogue()
JUDGE: Final = Judge(CATALOGUE, memory_bytes=0)
every_rule: Final = pytest.mark.parametrize(
    "rule", CATALOGUE.rules.values(), ids=lambda rule: rule.id
)
"""Each with all its examples: there are too many for a test each."""


@every_rule
def test_the_last_step_is_the_verdict(rule: Rule) -> None:
    for example in rule.examples:
        last_step_is_the_verdict(rule, example)


def last_step_is_the_verdict(rule: Rule, example: Example) -> None:
    facts = example.facts(CATALOGUE.topics)

    for now in (NOW, NOW + timedelta(days=4), NOW + rule.max_age):
        found = explain(JUDGE, rule, example.device, facts, now=now)
        (judged,) = (v for v in JUDGE.judge(example.device, facts, now=now) if v.rule == rule.id)

        assert found.verdict == judged, example.name
        assert [step.status for step in found.steps[:-1]] == [None] * (len(found.steps) - 1)
        assert found.steps[-1].status is judged.status, example.name


@every_rule
def test_the_rows_that_decided_a_fail_are_marked(rule: Rule) -> None:
    for example in rule.examples:
        deciding_rows_are_marked(rule, example)


def deciding_rows_are_marked(rule: Rule, example: Example) -> None:
    found = explain(JUDGE, rule, example.device, example.facts(CATALOGUE.topics), now=NOW)

    marked = [
        {column: looked.rows[place].get(column) for column in looked.columns}
        for looked in found.looked
        for place in sorted(looked.deciding)
    ]
    if found.verdict.status is Status.FAIL:
        assert len(found.verdict.offending) == min(len(marked), rule.row_limit), example.name
        for row in found.verdict.offending:
            same = [seen for seen in marked if seen.items() <= dict(row).items() | seen.items()]
            assert same, example.name
    for looked in found.looked:
        assert all(row.get("collected") is True for row in looked.rows), example.name


@pytest.mark.parametrize("platform", ["plan9", "windows", "linux", "darwin"])
def test_an_explanation_ends_where_the_platform_is_not_judged(platform: str) -> None:
    for rule in CATALOGUE.rules.values():
        example = rule.examples[0]
        device = replace(example.device, platform=platform)

        found = explain(JUDGE, rule, device, example.facts(CATALOGUE.topics), now=NOW)

        assert found.steps[-1].status is found.verdict.status


def test_a_parameter_that_is_of_no_use_ends_the_explanation() -> None:
    rule = CATALOGUE.rules["Q05-min-length"]
    example = rule.examples[0]
    device = replace(example.device, parameters={rule.id: {"min_length": "many"}})

    found = explain(JUDGE, rule, device, example.facts(CATALOGUE.topics), now=NOW)

    assert found.steps[-1].status is Status.UNKNOWN
    assert "min_length" in found.steps[-1].found["en"]
