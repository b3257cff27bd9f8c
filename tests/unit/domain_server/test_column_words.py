"""What the values of columns are called, and sentences that say them."""

from pathlib import Path

import pytest

from vigie_server.bundled import bundled_catalogue, topics_folder
from vigie_server.domain.column_words import ColumnWords, ValueWords, words_by_column
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.statements import Template, TemplateMalformed
from vigie_server.domain.topics import load_topics

VIA = ColumnWords(
    (
        ValueWords.of(
            "group {}, by hand", {"fr": "groupe {}, à la main", "en": "group {}, by hand"}
        ),
        ValueWords.of("group {}", {"fr": "groupe {}", "en": "group {}"}),
        ValueWords.of("uid 0", {"fr": "compte racine", "en": "root account"}),
    )
)


@pytest.mark.parametrize(
    ("cell", "fr", "en"),
    [
        ("uid 0", "compte racine", "root account"),
        ("group a.b", "groupe a.b", "group a.b"),
        ("group admin, by hand", "groupe admin, à la main", "group admin, by hand"),
        ("uid 0, group admin", "compte racine, groupe admin", "root account, group admin"),
        ("uid 0, other", "compte racine, other", "root account, other"),
        ("other", "other", "other"),
    ],
)
def test_a_value_is_called_what_its_column_says(cell: str, fr: str, en: str) -> None:
    assert (VIA.told(cell, "fr"), VIA.told(cell, "en")) == (fr, en)


def test_words_of_several_topics_are_tried_in_turn() -> None:
    other = ColumnWords((ValueWords.of("x", {"fr": "croix", "en": "cross"}),))
    both = words_by_column([{"via": VIA}, {"via": other, "name": other}])

    assert both["via"].told("x", "fr") == both["name"].told("x", "fr") == "croix"
    assert both["via"].told("uid 0", "fr") == "compte racine"
    assert both["name"].told("uid 0", "fr") == "uid 0"


@pytest.mark.parametrize(
    ("value", "fr"), [("group {}", "groupe"), ("group", "groupe {}"), ("{} {}", "{} {}")]
)
def test_a_place_is_there_once_in_every_text(value: str, fr: str) -> None:
    with pytest.raises(ValueError, match=r"\{\}"):
        ValueWords.of(value, {"fr": fr, "en": value})


def test_a_wrong_word_of_a_topic_is_told_with_its_line(tmp_path: Path) -> None:
    text = (topics_folder() / "local_admins.yaml").read_text()
    (tmp_path / "local_admins.yaml").write_text(text.replace('fr: "groupe {}",', "fr: groupe,"))

    with pytest.raises(RulesMalformed, match=r"local_admins.yaml:\d+.*must have as many {}"):
        load_topics(tmp_path)


def test_every_part_of_the_release_has_a_title_in_both_languages() -> None:
    parts = [part for topic in bundled_catalogue().topics.values() for part in topic.parts.values()]

    assert all(part.title.keys() == {"fr", "en"} for part in parts)


def test_a_template_puts_words_after_a_number() -> None:
    template = Template.of("{n:compte|comptes} {n:|est|sont} là", "fr", {"n"})

    assert template.render({"n": 1.0}.get) == "1 compte est là"
    assert template.render({"n": 3}.get) == "3 comptes sont là"
    assert template.render({"n": None}.get) == "? ? là"
    for malformed in ("{n:compte}", "{n:a|b|c}", "{n:|}"):
        with pytest.raises(TemplateMalformed, match="a form that does not exist"):
            Template.of(malformed, "fr", {"n"})


@pytest.mark.parametrize(
    ("cells", "none"),
    [
        (["other", "uid"], True),
        (["uid 0.", " uid 0", ""], True),
        (["other", "uid 0"], False),
        (["other", "x, uid 0"], False),
        (["other,", " uid 0"], True),
    ],
)
def test_cells_without_words_are_told_from_others_at_a_glance(cells: list[str], none: bool) -> None:
    words = ColumnWords(VIA.values[2:])

    assert words.tell_none(cells) is none
    if none:
        assert [words.texts(cell) for cell in cells] == [None] * len(cells)
    assert not VIA.tell_none(cells)  # a value of it may hold any name
