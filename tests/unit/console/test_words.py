"""The console's texts: two catalogues alike, and no text anywhere else."""

import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Final

import pytest
from jinja2 import Environment

from vigie_server.bundled import bundled_catalogue
from vigie_server.console.languages import language_of
from vigie_server.console.shell import HERE
from vigie_server.console.words import Words, load_words
from vigie_server.domain.french import spaced
from vigie_server.domain.parameters import REFERENCES, ParameterType

TEMPLATES: Final = sorted((HERE / "templates").glob("*.html"))
SPOKEN: Final = {"alt", "aria-label", "aria-description", "placeholder", "title"}
"""Attributes that people read or hear."""


class Text(HTMLParser):
    """Gathers what people read of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.unlike: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in SPOKEN and value]
        self.unlike += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.unlike.append(tag)


def written(path: Path) -> str:
    """The template with a 0 for all that is put into it."""
    tokens = Environment(autoescape=True).lex(path.read_text(encoding="utf-8"))
    pieces = {"data": None, "variable_begin": "0"}
    return "".join(pieces[kind] or text for _, kind, text in tokens if kind in pieces)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_text_script_or_style_of_its_own(path: Path) -> None:
    reader = Text()
    reader.feed(written(path))

    assert not re.findall(r"[^\W\d_]+|0 [:;!?]", " ".join(reader.found))
    assert reader.unlike == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_takes_anything_for_safe(path: Path) -> None:
    assert not re.search(r"\bsafe\b|autoescape|Markup", path.read_text(encoding="utf-8"))


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    french, english = (load_words()[language].texts for language in ("fr", "en"))

    assert french.keys() == english.keys()
    for name, text in french.items():
        values = [
            {field for _, field, _, _ in Formatter().parse(told) if field}
            for told in (text, english[name])
        ]
        assert values[0] == values[1], name


def test_every_text_that_a_template_names_is_there() -> None:
    known = load_words()["fr"].texts
    named = {
        name
        for path in TEMPLATES
        for name in re.findall(r"\bt\(\s*[\"']([a-z_.0-9]+)[\"']\s*[,)]", path.read_text("utf-8"))
    }

    assert len(named) > 50
    assert named <= known.keys()


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Détail : rien", "Détail\u00a0: rien"),
        ("« Oui »", "«\u00a0Oui\u00a0»"),
        ("Sûr ?", "Sûr\u202f?"),
        ("un ; deux", "un\u202f; deux"),
        ("40 %", "40\u00a0%"),
        ("https://a.example", "https://a.example"),
    ],
)
def test_french_signs_have_their_spaces(typed: str, shown: str) -> None:
    assert spaced(typed) == shown


def test_every_column_of_the_topics_is_headed_in_french() -> None:
    topics = bundled_catalogue().topics.values()
    columns = {name for topic in topics for name in topic.columns}

    assert len(columns) > 100
    assert sorted(columns - load_words()["fr"].columns.keys()) == []
    assert load_words()["en"].columns == {}


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("enabled", False, "non"),
        ("enabled", True, "oui"),
        ("last_scan_time", 1_772_323_200, "01/03/2026"),
        ("last_scan_time", 0, "0"),
        ("port", 3389, "3389"),
        ("name", None, ""),
        ("name", "1", "1"),
    ],
)
def test_a_cell_says_yes_no_and_days_in_words(column: str, value: object, told: str) -> None:
    assert load_words()["fr"].cell(column, value) == told


def test_words_that_follow_a_number_follow_its_language() -> None:
    french, english = load_words()["fr"], load_words()["en"]

    assert french("site.devices", count=0) == "0 équipement"
    assert english("site.devices", count=0) == "0 devices"
    assert french("site.devices", count=2) == "2 équipements"


def test_a_share_is_never_rounded_up_to_all() -> None:
    words = Words("en", load_words()["en"].texts)

    assert words.share(0.999) == "99%"
    assert words.share(1.0) == "100%"
    assert words.share(None) == "none"


@pytest.mark.parametrize(
    ("asked", "remembered", "own", "accepted", "language"),
    [
        (None, None, None, "", "fr"),
        (None, None, None, "de, es;q=0.5", "fr"),
        (None, None, None, "en-GB,en;q=0.9,fr;q=0.8", "en"),
        (None, None, None, "en;q=0.2, fr-FR;q=0.9", "fr"),
        (None, None, "fr", "en", "fr"),
        (None, "en", "fr", "fr", "en"),
        ("en", "fr", "fr", "fr", "en"),
        ("xx", "yy", "zz", "en;q=oops, fr;q=0.1", "fr"),
    ],
)
def test_the_language_is_the_one_asked_for_then_remembered_then_ones_own(
    asked: str | None, remembered: str | None, own: str | None, accepted: str, language: str
) -> None:
    assert language_of(asked, remembered, own, accepted) == language


@pytest.mark.parametrize("kind", sorted(set(ParameterType) - REFERENCES.keys()))
def test_what_to_write_for_a_parameter_is_told_for_every_kind_of_it(kind: ParameterType) -> None:
    for words in load_words().values():
        assert words(f"parameters.kind_{kind}")
