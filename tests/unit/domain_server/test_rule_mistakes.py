"""Who writes a rule sees every mistake at once, where it is and what was probably meant."""

from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import whys_file
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.rulebook import load_catalogue

TOPIC: Final = """
topic: doors
version: 1
title: {fr: Portes, en: Doors}
purpose: {fr: Pour essai, en: For trial}
guide_questions: [6]
interval: 3600
personal_data: none
retention_days: 90
keys: [part, name]
columns:
  name: {type: text}
  shut: {type: boolean}
parts:
  front: {platforms: [linux], empty: unknown}
"""
RULES: Final = """question: 6
title: {fr: Les portes, en: The doors}
rules:
  - id: Q06-doors-shut
    version: 3
    severity: major
    platforms: [linux]
    title: {fr: Portes fermées, en: Doors shut}
    why: {fr: Il le faut, en: It must be}
    remediation: {linux: {fr: Fermez, en: Shut them}}
    reads:
      doors: {version: 1, columns: [name, shut], parts: {linux: [front]}}
    parameters:
      limit: {type: integer, about: {fr: Seuil, en: Limit}, default: 3}
    let:
      open: topics.doors.rows.filter(r, r.shut == false)
    pass: size(open) <= p.limit
    offending: open
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: Fermées., en: Shut.}
      fail: {fr: "Ouvertes : {rows}.", en: "Open: {rows}."}
    examples:
      - {name: pass, verdict: pass, platform: linux, parameters: {limit: 2}}
      - name: fail
        verdict: fail
        platform: linux
        topics: {doors: [{part: front, name: hall, shut: 0}]}
      - {name: unknown, verdict: unknown, platform: linux}
"""


def mistakes(tmp_path: Path, rules: str = RULES, topic: str = TOPIC) -> list[str]:
    for folder, name, text in (("topics", "doors", topic), ("guide", "q06", rules)):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesMalformed) as refused:
        load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file())
    return list(refused.value.mistakes)


def changed(text: str, *changes: tuple[str, str]) -> str:
    for was, becomes in changes:
        assert was in text
        text = text.replace(was, becomes, 1)
    return text


def test_all_mistakes_of_a_rule_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        changed(
            RULES,
            ("severity: major", "severity: majr"),
            ("why: {fr: Il le faut, en: It must be}", "why: {fr: Il le faut}"),
            ("columns: [name, shut]", "columns: [name, shut, naem]"),
            ("size(open) <= p.limit", "sise(open) <= p.limits"),
            ('{rows}.", en', '{rws}.", en'),
            ("part: front", "part: frnt"),
            ("verdict: unknown", "verdict: unknwon"),
        ),
    )

    assert [line.split(":")[1] for line in found] == ["6", "9", "12", "17", "22", "28", "29"]
    for line, near in zip(
        found, ("major", "", "name", "size", "rows", "front", "unknown"), strict=True
    ):
        assert f"did you mean `{near}`?" in line if near else "lacks `en`" in line
    assert "did you mean `p.limit`?" in found[3]


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        (
            '{fr: "{name}", en',
            '{fr: "{nom du lieu}", en',
            "`row` fr: names {nom du lieu}, which it cannot know (it knows {name}, {part}, {shut})",
        ),
        (
            '{fr: "{name}", en',
            '{fr: "{name {shut}", en',
            "a name stands between { and }, a brace of the text is written twice",
        ),
        (
            "remediation: {linux:",
            "remediation: {windows:",
            "`remediation` must hold every platform, or `any`: it lacks `linux`",
        ),
    ],
)
def test_what_a_sentence_or_a_remedy_wants_is_told(
    tmp_path: Path, was: str, becomes: str, told: str
) -> None:
    found = mistakes(tmp_path, changed(RULES, (was, becomes)))

    assert [line for line in found if told in line], found


def test_mistakes_of_several_rules_and_topics_are_told_together(tmp_path: Path) -> None:
    second = RULES[RULES.index("  - id:") :].replace("doors-shut", "doors-closed")
    broken = changed(RULES, ("version: 3", "versoin: 3")) + second.replace("limit: 2", "limt: 2")

    found = mistakes(tmp_path, broken, changed(TOPIC, ("empty: unknown", "empty: unknwon")))

    assert found == ["doors.yaml:15: `empty` must be one of fact, unknown: did you mean `unknown`?"]

    found = mistakes(tmp_path, broken)

    assert found == [
        "q06.yaml:4: lacks `version`",
        "q06.yaml:5: `versoin` is not a key of this place: did you mean `version`?",
        "q06.yaml:50: `limt` is no parameter of the rule: did you mean `limit`?",
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "line"),
    [
        ("r.shut == false", "r.shut == flase", 16),  # a binding that is wrong
        ("type: integer", "type: integr", 14),  # a parameter
        ("doors: {version: 1", "doors: {version: 2", 12),
        ("version: 1, columns", "columns", 12),
        ("parts: {linux: [front]}", "parts: {linux: [roof]}", 12),
    ],
)
def test_what_depends_on_a_mistake_is_no_mistake(
    tmp_path: Path, was: str, becomes: str, line: int
) -> None:
    (found,) = mistakes(tmp_path, changed(RULES, (was, becomes)))

    assert found.startswith(f"q06.yaml:{line}: ")


def test_a_column_of_the_topic_that_is_not_declared_is_told_with_what_to_do(tmp_path: Path) -> None:
    found = mistakes(tmp_path, changed(RULES, ("columns: [name, shut]", "columns: [name]")))

    assert found == [
        "q06.yaml:16: `open` uses `shut`, which `reads` does not declare: add it to `columns` there"
    ]


def test_a_pass_that_is_no_answer_is_told_at_its_line(tmp_path: Path) -> None:
    found = mistakes(tmp_path, changed(RULES, ("size(open) <= p.limit", "size(open)")))

    assert found == ["q06.yaml:17: `pass` cannot be decided: it must give true or false"]


def test_a_file_that_is_not_yaml_is_told_by_line(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, changed(RULES, ("version: 3", "version: [3")))

    assert found.startswith("q06.yaml:6: it is not YAML: ")


@pytest.mark.parametrize(
    ("was", "becomes", "do"),
    [
        ("    version: 3", "\tversion: 3", "indent with spaces"),
        ("severity: major", "severity major", "a `:` is missing here or on the line before"),
        ("{fr: Fermées., en: Shut.}", "Portes : fermées", "stands between double quotes"),
        ("{fr: Fermées., en: Shut.}", "@portes", "stands between double quotes"),
        ("{name: unknown, verdict", '{name: "unknown, verdict', "a quote is not closed"),
        ("version: 3", "version: [3", "look at the indentation, at `[`"),
    ],
)
def test_what_to_do_about_a_file_that_is_not_yaml_is_told(
    tmp_path: Path, was: str, becomes: str, do: str
) -> None:
    (found,) = mistakes(tmp_path, changed(RULES, (was, becomes)))

    assert ": it is not YAML: " in found
    assert do in found


def test_a_platform_is_known_by_what_people_call_it(tmp_path: Path) -> None:
    found = mistakes(tmp_path, changed(RULES, ("platforms: [linux]", "platforms: [linux, macOS]")))

    assert found == [
        "q06.yaml:7: `platforms` must be some of darwin, linux, windows: did you mean `darwin`?"
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (
            "doors: {version: 1, columns",
            "door: {version: 1, columns",
            "reads `door`, which is no topic: did you mean `doors`?",
        ),
        (
            "columns: [name, shut]",
            "columns: [names, shut]",
            "`columns` holds `names`, which doors does not declare: did you mean `name`?",
        ),
    ],
)
def test_a_name_that_is_misspelt_in_what_is_read_is_one_mistake(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert mistakes(tmp_path, changed(RULES, (was, becomes))) == [f"q06.yaml:12: {says}"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("size(open) <= p.limits", "there is no `p.limits` here: did you mean `p.limit`?"),
        ("sise(open) < 1", "there is no function `sise`: did you mean `size`?"),
        ("open.exist(r, r.shut)", "there is no function `exist`: did you mean `exists`?"),
        ("size(topics.door.rows) > 0", "did you mean `topics.doors.rows`?"),
        ("device.chasis == 'laptop'", "did you mean `device.chassis`?"),
        ("open.exists(r, q.shut)", "there is no `q` here: its loops name a row r"),
        ("size(open) <= 'a'", "`<=` cannot stand between a whole number and a text"),
        ("!size(open)", "`!` cannot take a whole number"),
        ("size(p.limit) > 0", "`size` cannot take a whole number"),
        ("p.limit == 3 ? true : 'a'", "both sides of `:` must be of one type"),
        ("p.limit ? true : false", "what stands before `?` must be true or false"),
        ("p.limit.x > 1", "has no fields"),
        ("size(open) = 0", "`=` says nothing here: write `==` to compare"),
        ("p.limit > 1 and true", "write `&&` for `and`"),
        ("p.limit > 1 or true", "write `||` for `or`"),
        ("not true", "write `!` for `not`"),
        ("True", "write `true`"),
        ("size(open", "a `)` is missing"),
        ("p.limit >", "it stops before its end"),
        ("device.os == 'a", "a text is not closed"),
        ("p.limit > 1 $ 2", "`$` cannot stand here"),
        ("true) || (true", "`)` cannot stand here"),
    ],
)
def test_what_is_wrong_with_a_condition_is_said_in_plain_words(
    tmp_path: Path, expression: str, says: str
) -> None:
    quoted = expression.replace("'", "''")

    (found,) = mistakes(tmp_path, changed(RULES, ("size(open) <= p.limit", f"'{quoted}'")))

    assert found.startswith("q06.yaml:17: `pass` is not a condition: ")
    assert says in found


def test_a_mistake_in_a_condition_is_quoted_from_its_place(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, changed(RULES, ("<= p.limit", "<= p.limits + 1")))

    assert found.endswith("(at `p.limits + 1`)")


def test_two_mistakes_in_one_condition_are_both_told(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, changed(RULES, ("<= p.limit", "<= p.limits + p.lmit")))

    assert "`p.limits`" in found
    assert "`p.lmit`" in found


@pytest.mark.parametrize(
    ("becomes", "says"),
    [
        ("default: 3, most: 2", "`default` must be at most 2 (`most`)"),
        (
            "default: 3, profiles: {low: 3, critical: 5}, most: 4",
            "`profiles` of the profile critical must be at most 4 (`most`)",
        ),
        (f"default: 3, most: {2**53}", f"`most` must be below {2**53}"),
        ("default: 3, most: many", "`most` must be a whole number"),
    ],
)
def test_a_rule_keeps_to_the_most_that_it_tells(tmp_path: Path, becomes: str, says: str) -> None:
    assert mistakes(tmp_path, changed(RULES, ("default: 3", becomes))) == [f"q06.yaml:14: {says}"]


def test_the_most_is_one_of_whole_numbers(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        changed(RULES, ("type: integer", "type: text"), ("default: 3", "default: a, most: 3")),
    )

    assert found == ["q06.yaml:14: `most` is for whole numbers alone"]


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("type: integer, with: other", "`with` is for days and texts alone"),
        ("type: integer, with: othr", "`with` must be one of other: did you mean `other`?"),
        ("type: integer, with: limit", "`with` must be one of other"),
    ],
)
def test_a_parameter_goes_with_another_one_of_its_rule(
    tmp_path: Path, limit: str, says: str
) -> None:
    other = (
        "    parameters:\n      other: {type: text, about: {fr: Autre, en: Other}, default: a}\n"
    )

    found = mistakes(
        tmp_path, changed(RULES, ("    parameters:\n", other), ("type: integer", limit))
    )

    assert found == [f"q06.yaml:15: {says}"]
