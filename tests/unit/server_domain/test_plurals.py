"""Words that follow a number, in both languages."""

import re

import pytest

from vigie_server.bundled import guide_folder, topics_folder
from vigie_server.domain.plurals import Counted, counted


@pytest.mark.parametrize(
    ("count", "fr", "en"),
    [
        (0, "0 poste", "0 devices"),
        (1, "1 poste", "1 device"),
        (2, "2 postes", "2 devices"),
        (1000, "1000 postes", "1000 devices"),
        (1.5, "1.5 poste", "1.5 devices"),
    ],
)
def test_french_has_the_plural_from_two_on_and_english_for_all_but_one(
    count: float, fr: str, en: str
) -> None:
    assert counted(count, "poste|postes", "fr") == fr
    assert counted(count, "device|devices") == en


def test_a_word_that_agrees_with_a_number_said_elsewhere_comes_alone() -> None:
    assert counted(3, "|enrôlé|enrôlés", "fr") == "enrôlés"
    assert counted(1, "|enrôlé|enrôlés", "fr") == "enrôlé"


@pytest.mark.parametrize("words", ["poste", "a|b|c", "|a|b|c", "||"])
def test_words_of_another_form_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        counted(1, words)


def test_a_template_names_the_words_after_the_number() -> None:
    text = "{count:poste|postes} {count:|enrôlé|enrôlés}, {count} en tout, {count:03d}"

    assert text.format(count=Counted.of(2, "fr")) == "2 postes enrôlés, 2 en tout, 002"


def test_no_text_of_the_guide_leaves_the_plural_to_the_reader() -> None:
    texts = [*guide_folder().rglob("*.yaml"), *topics_folder().rglob("*.yaml")]

    assert len(texts) > 40
    assert [path.name for path in texts if re.search(r"\w\(s\)", path.read_text())] == []
