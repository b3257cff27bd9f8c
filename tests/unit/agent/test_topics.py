"""What the agent reads in a topic's declaration."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from vigie_agent.domain.errors import TopicMalformed
from vigie_agent.domain.topics import Text, read_topic


def a_declaration(**changes: Any) -> dict[str, Any]:
    """The decoded YAML of a topic about fans, with these keys changed."""
    return {
        "topic": "fans",
        "version": 1,
        "title": {"fr": "Ventilateurs", "en": "Fans"},
        "purpose": {"fr": "Savoir s'ils\ntournent.", "en": "Whether they turn."},
        "guide_questions": [1, 4],
        "interval": 3600,
        "personal_data": "none",
        "retention_days": 90,
        "keys": ["part", "name"],
        "columns": {"name": {"type": "text"}, "speed": {"type": "integer", "unit": "rpm"}},
        "parts": {
            "front": {"platforms": ["linux", "windows"], "empty": "fact"},
            "back": {"platforms": ["darwin"], "empty": "unknown"},
        },
    } | changes


def test_a_declaration_gives_columns_parts_and_what_staff_reads() -> None:
    topic = read_topic(a_declaration(), source="fans.yaml")

    assert topic.row_columns == ("part", "collected", "why", "name", "speed")
    assert topic.parts_on("linux") == ("front",)
    assert topic.interval == timedelta(hours=1)
    assert topic.personal_data is None
    assert topic.guide_questions == (1, 4)
    assert topic.purpose.of("fr") == "Savoir s'ils tournent."
    assert topic.purpose.of("en") == "Whether they turn."


def test_personal_data_is_told_in_both_languages() -> None:
    topic = read_topic(
        a_declaration(personal_data={"fr": "Noms.", "en": "Names."}), source="fans.yaml"
    )

    assert topic.personal_data == Text("Noms.", "Names.")


def test_why_a_platform_has_no_part_is_told_in_both_languages() -> None:
    why = {"fr": "Rien n'en parle.", "en": "Nothing tells it."}

    topic = read_topic(a_declaration(not_on={"darwin": why}), source="fans.yaml")

    assert topic.not_on == {"darwin": Text("Rien n'en parle.", "Nothing tells it.")}
    assert read_topic(a_declaration(), source="fans.yaml").not_on == {}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"not_on": ["darwin"]}, "`not_on` must be a mapping"),
        ({"not_on": {"darwin": "no"}}, "fans.yaml, not_on: `darwin` must be one text"),
        ({"topic": "Fans!"}, "`topic` 'Fans!' is not a name"),
        ({"version": 0}, "`version` must be a whole number from 1"),
        ({"retention_days": -1}, "`retention_days` must be a whole number from 0"),
        ({"version": True}, "`version` must be a whole number from 1"),
        ({"interval": "hourly"}, "`interval` must be a whole number from 1"),
        ({"title": {"fr": "Ventilateurs"}}, "`title` must be one text for each of fr and en"),
        ({"personal_data": None}, "`personal_data` must be one text for each of fr and en"),
        ({"columns": ["name"]}, "`columns` must be a mapping"),
        ({"parts": {"front": None}}, "fans.yaml, part front: it must hold keys and values"),
        ({"parts": {"front": {"platforms": "linux"}}}, "`platforms` must be a list"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_a_wrong_declaration_says_which_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(TopicMalformed) as raised:
        read_topic(a_declaration(**changes), source="fans.yaml")

    assert problem in str(raised.value)


@pytest.mark.parametrize("make", [lambda: None, list, dict], ids=["nothing", "a list", "no keys"])
def test_a_document_that_declares_nothing_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(TopicMalformed, match=r"^fans\.yaml: "):
        read_topic(make(), source="fans.yaml")
