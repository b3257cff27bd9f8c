"""The committed register is what topics and packs make of it today."""

from pathlib import Path

from vigie_agent import bundled
from vigie_agent.domain.register import register

REGISTER = Path(__file__).resolve().parents[2] / "docs" / "register.md"


def test_the_committed_register_is_the_one_that_make_register_writes() -> None:
    packs = bundled.read_packs(bundled.folder("packs"))
    topics = bundled.read_topics(bundled.folder("topics"))
    questions = bundled.read_questions(bundled.folder("questions"))

    written = "\n".join(register(packs, topics, questions)) + "\n"

    assert written == REGISTER.read_text("utf-8"), "run `make register` and read the difference"


def test_every_topic_stands_in_it_in_both_languages_and_no_query_of_ours_is_refused() -> None:
    lines = REGISTER.read_text("utf-8").splitlines()

    for topic in bundled.read_topics(bundled.folder("topics")).values():
        assert f"## {topic.title.fr}" in lines
        assert f"## {topic.title.en}" in lines
    assert [line for line in lines if "refus" in line and line.startswith("- ")] == []
