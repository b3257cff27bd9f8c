from pathlib import Path
from typing import Final

import pytest

from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.statements import MAX_VALUE
from vigie_server.domain.whys import LONGEST, Whys, load_whys

SAYINGS: Final = """
statuses:
  timeout: {text: {en: no answer in time, fr: pas de réponse à temps}}
  other: {text: {en: it failed, fr: échec}}
whys:
  - {en: permission denied, fr: accès refusé}
  - {en: the door is locked, fr: la porte est fermée}
  - {en: "{file:path}: {why:why}", fr: "{file} : {why}"}
  - {en: "the settings of {name}: {why:why}", fr: "les réglages de {name} : {why}"}
  - {en: "{program} said {said:text}", fr: "{program} a dit {said}"}
  - {en: "more than {count:number} rows", fr: "plus de {count} lignes"}
"""


def whys(tmp_path: Path, text: str = SAYINGS) -> Whys:
    path = tmp_path / "whys.yaml"
    path.write_text(text, encoding="utf-8")
    return load_whys(path)


@pytest.mark.parametrize(
    ("why", "fr"),
    [
        ("permission denied", "accès refusé"),
        ("more than 40 rows", "plus de 40 lignes"),
        ("/etc/apt/apt.conf: permission denied", "/etc/apt/apt.conf : accès refusé"),
        (r"C:\Program Files\x: permission denied", r"C:\Program Files\x : accès refusé"),
        (
            "the settings of apt: /etc/apt: permission denied",
            "les réglages de apt : /etc/apt : accès refusé",
        ),
        ("permission denied, the door is locked", "accès refusé, la porte est fermée"),
        ("rpm said permission denied", "rpm a dit accès refusé"),
        ("rpm said no idea", "rpm a dit « no idea »"),
        ("timeout", "pas de réponse à temps"),
        ("timeout: the door is locked", "pas de réponse à temps : la porte est fermée"),
        ("timeout: after 3 knocks", "pas de réponse à temps : « after 3 knocks »"),
    ],
)
def test_a_known_why_is_told_in_french(tmp_path: Path, why: str, fr: str) -> None:
    assert whys(tmp_path).told(why)["fr"] == fr


def test_a_known_why_stays_as_it_came_in_english(tmp_path: Path) -> None:
    text = "the settings of apt: /etc/apt: permission denied"

    assert whys(tmp_path).told(text)["en"] == text


def test_a_status_before_a_detail_is_told_in_english_too(tmp_path: Path) -> None:
    assert whys(tmp_path).told("timeout: the door is locked")["en"] == (
        "no answer in time: the door is locked"
    )


def test_an_unknown_why_is_quoted_in_french_and_never_lost(tmp_path: Path) -> None:
    told = whys(tmp_path).told("the moon is full")

    assert told == {"fr": "« the moon is full »", "en": "the moon is full"}


def test_what_follows_a_known_beginning_is_quoted_where_it_is_unknown(tmp_path: Path) -> None:
    assert whys(tmp_path).told("/x/y: the moon is full")["fr"] == "/x/y : « the moon is full »"


@pytest.mark.parametrize("data", ["{why}", "{0.__class__}", "%s", "\\1", "{", "}", "{{}}"])
def test_device_text_that_looks_like_a_template_is_put_in_as_it_is(
    tmp_path: Path, data: str
) -> None:
    told = whys(tmp_path).told(f"the settings of {data}: permission denied")

    assert told["fr"] == f"les réglages de {data} : accès refusé"


@pytest.mark.parametrize("length", [MAX_VALUE + 1, LONGEST, LONGEST + 1, 100_000])
def test_long_device_text_is_cut(tmp_path: Path, length: int) -> None:
    told = whys(tmp_path).told("x" * length)

    assert len(told["fr"]) <= MAX_VALUE + len("«  »")
    assert len(told["en"]) <= MAX_VALUE


def test_control_characters_of_device_text_become_spaces(tmp_path: Path) -> None:
    assert whys(tmp_path).told("rpm said \x1b[31m\nred")["fr"] == "rpm a dit «  [31m red »"


def test_what_is_remembered_of_hostile_texts_does_not_change_what_is_told(tmp_path: Path) -> None:
    known = whys(tmp_path)
    for number in range(3000):
        known.told(f"text {number}")

    assert known.told("/x/y: permission denied")["fr"] == "/x/y : accès refusé"


PARTS = {"back": {"fr": "arrière", "en": "the back"}, "front": {"fr": "avant", "en": "the front"}}


def test_the_message_of_a_topic_is_told_part_by_part(tmp_path: Path) -> None:
    told = whys(tmp_path).message(
        "back: permission denied; front: timeout: the door is locked; more", PARTS
    )

    assert told["fr"] == (
        "arrière : accès refusé ; avant : pas de réponse à temps : « the door is locked; more »"
    )
    assert told["en"].startswith("the back: permission denied; the front: no answer in time: ")


def test_a_message_that_names_no_part_is_told_whole(tmp_path: Path) -> None:
    assert whys(tmp_path).message("more than 9 rows", PARTS)["fr"] == "plus de 9 lignes"


def test_a_status_that_is_not_known_is_worded_too(tmp_path: Path) -> None:
    assert whys(tmp_path).status("of_a_newer_agent")["fr"] == "échec"


@pytest.mark.parametrize(
    ("saying", "problem"),
    [
        ('{en: "no {name}", fr: "pas de nom"}', "must name what `en` names"),
        ('{en: "no name", fr: "pas de {name}"}', "must name what `en` names"),
        ('{en: "{a} and {a}", fr: "{a} et {a}"}', "must name what `en` names"),
        ('{en: "no {name:colour}", fr: "pas de {name}"}', "form colour, which does not exist"),
        ('{en: "no {name}", fr: "pas de {name:path}"}', "gives a form"),
        ('{en: "no {0}", fr: "pas de {0}"}', "a brace that is no placeholder"),
        ("{en: permission denied, fr: refusé}", "is there twice"),
        ("{en: only English}", "lacks `fr`"),
    ],
)
def test_a_saying_that_is_not_sound_is_refused_with_its_place(
    tmp_path: Path, saying: str, problem: str
) -> None:
    with pytest.raises(RulesMalformed, match=r"whys\.yaml:\d+: .*" + problem):
        whys(tmp_path, f"{SAYINGS}  - {saying}\n")
