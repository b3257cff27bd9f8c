"""Every approved question on every platform: the agent lets it pass, and osquery has its tables."""

from typing import Final

import pytest

from components import required_file
from simulated_machines import Schema, SimulatedMachine
from vigie_agent.domain.safety import Approved, check
from vigie_server.bundled import bundled_questions
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.questions import ApprovedQuestion

QUESTIONS: Final = bundled_questions()
ASKED: Final = [
    (platform, question) for question in QUESTIONS.values() for platform in question.sql
]
every_question: Final = pytest.mark.parametrize(
    ("platform", "question"), ASKED, ids=[f"{q.id}@{p}" for p, q in ASKED]
)


def sql_of(question: ApprovedQuestion, platform: str) -> str:
    examples = {name: parameter.example for name, parameter in question.parameters.items()}
    return question.asked_with(examples)[platform]


@every_question
def test_the_agents_own_allow_list_lets_a_question_pass(
    platform: str, question: ApprovedQuestion
) -> None:
    assert isinstance(check(sql_of(question, platform), platform=platform), Approved)


@every_question
def test_a_question_prepares_on_its_platform_and_answers_the_columns_it_declares(
    platform: str, question: ApprovedQuestion
) -> None:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    machine = SimulatedMachine(Schema.of(platform, published))
    try:
        columns, _ = machine.ask(sql_of(question, platform))
    finally:
        machine.close()

    assert list(columns) == list(question.columns)


def test_who_is_logged_on_is_marked_as_personal_and_its_like_only() -> None:
    personal = {question.id for question in QUESTIONS.values() if question.personal}
    naming = {
        question.id
        for question in QUESTIONS.values()
        if {"account", "user", "username"} & question.columns.keys()
    }

    assert personal == naming == {"logged-on"}


@pytest.mark.parametrize("value", ["x' OR '1'='1", "100%", "", "a" * 81, "a\nb", 'say "hi"'])
def test_no_value_of_a_parameter_can_leave_its_quotes(value: str) -> None:
    with pytest.raises(DeclarationRefused, match="needs name"):
        QUESTIONS["service-state"].asked_with({"name": value})
