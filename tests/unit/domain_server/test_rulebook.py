"""A rule file that is wrong is refused at load, with file, line and key."""

from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue, guide_folder, topics_folder, whys_file
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.reference import NameList
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue

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
  front: {platforms: [linux, windows], empty: unknown}
  back: {platforms: [linux], empty: fact}
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
      doors: {version: 1, columns: [name, shut], parts: {linux: [front, back]}}
    parameters:
      names: {type: list, about: {fr: Noms, en: Names}, default: [hall, "at*"]}
      limit: {type: integer, about: {fr: Seuil, en: Limit}, default: 3}
    let:
      open: topics.doors.rows.filter(r, r.shut == false && !listed(p.names, r.name))
    pass: size(open) <= p.limit
    offending: open
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: Fermées., en: Shut.}
      fail: {fr: "Ouvertes : {rows}.", en: "Open: {rows}."}
    examples:
      - {name: pass, verdict: pass, platform: linux}
      - {name: fail, verdict: fail, platform: linux}
      - {name: unknown, verdict: unknown, platform: linux}
"""


def load(tmp_path: Path, rules: str) -> Catalogue:
    for folder, name, text in (("topics", "doors", TOPIC), ("guide", "q06", rules)):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file())


def test_a_rule_file_becomes_a_catalogue(tmp_path: Path) -> None:
    catalogue = load(tmp_path, RULES)

    rule = catalogue.rules["Q06-doors-shut"]
    assert (rule.question, rule.version, rule.severity) == (6, 3, "major")
    assert rule.reads["doors"].parts == {"linux": {"front", "back"}}
    assert rule.parameters["names"].default == NameList.of(["hall", "at*"])
    assert rule.remediation_on("linux")["fr"] == "Fermez"
    assert catalogue.questions[6]["en"] == "The doors"


def test_a_list_can_be_that_of_a_file_of_reference_data(tmp_path: Path) -> None:
    reference = tmp_path / "guide" / "reference"
    reference.mkdir(parents=True)
    head = "recorded: 2026-11-01\nsource: Ours\n"
    (reference / "halls.yaml").write_text(f"list: halls\n{head}names: [hall, 'at*']\n", "utf-8")
    (reference / "locks.yaml").write_text(
        f"products: locks\n{head}entries:\n  - {{product: Bolt, names: [bolt, 'bar*']}}\n", "utf-8"
    )

    catalogue = load(
        tmp_path,
        RULES.replace(
            'default: [hall, "at*"]', "default: {list: halls}, profiles: {low: {list: locks}}"
        ),
    )

    names = catalogue.rules["Q06-doors-shut"].parameters["names"]
    assert names.value("standard") == NameList.of(["hall", "at*"])
    assert names.value("low") == NameList.of(["bolt", "bar*"])
    assert sorted(catalogue.references) == ["halls", "locks"]


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("id: Q06-doors-shut", "id: Q07-doors-shut", "q06.yaml:4: `id` must be the catalogue's"),
        ("severity: major", "severity: huge", "q06.yaml:6: `severity` must be one of"),
        ("platforms: [linux]", "platforms: [beos]", "q06.yaml:7: `platforms` must be some of"),
        ("version: 3", "version: 3\n    colour: blue", "q06.yaml:6: `colour` is not a key"),
        ("en: Doors shut}", "de: Tor}", "q06.yaml:8: lacks `en`"),
        ("{linux: {fr: Fermez", "{windows: {fr: Fermez", "q06.yaml:10: `remediation` must hold"),
        ("doors: {version: 1", "windows: {version: 1", "reads `windows`, which is no topic"),
        ("{version: 1, columns", "{version: 2, columns", "`version` is not 1, which doors has"),
        ("[name, shut]", "[name, colour]", "holds `colour`, which doors does not declare"),
        ("[name, shut]", "[name, part]", "holds `part`, which doors does not declare"),
        ("[name, shut]", "[name]", "uses `shut`, which `reads` does not declare"),
        ("[front, back]", "[roof]", "names what linux does not answer on doors"),
        ("r.shut == false", "r.colour == false", "uses `colour`, which `reads` does not declare"),
        ("p.limit\n", "p.limits\n", "`pass` is not a condition"),
        ("p.limit\n", "'three'\n", "`pass` is not a condition"),
        ("size(open) <= p.limit", "size(open)", "cannot be decided"),
        ("size(open) <=", "size(topics.windows.rows) <=", "`pass` is not a condition"),
        ("size(open) <= p.limit", "now > 5", "does not say `fresh_until`"),
        ("offending: open", "offending: shut", "`offending` is not a condition"),
        ("Ouvertes : {rows}", "Ouvertes : {colour}", "fr: names {colour}, which it cannot know"),
        ("Ouvertes : {rows}", "Ouvertes : {rows!r}", "a form that does not exist"),
        ("Ouvertes : {rows}", "Ouvertes : {rows:>9}", "a form that does not exist"),
        ("Ouvertes : {rows}", "Ouvertes : {rows", "fr: is not a template"),
        ("pass: {fr: Fermées.", "pass: {fr: '{rows}'", "fr: names {rows}, which it cannot know"),
        ("default: 3", "default: trois", "q06.yaml:15: `default` must be a whole number"),
        ("type: integer", "type: number", "q06.yaml:15: `type` must be one of"),
        ("type: integer", "type: table", "`default` must be one of"),
        ('default: [hall, "at*"]', "default: {list: halls}", "`list` must be one of"),
        ("verdict: unknown", "verdict: pass", "`examples` lacks an example that is unknown"),
        ("verdict: unknown", "verdict: perhaps", "`verdict` must be one of"),
        ("verdict: pass, platform: linux", "verdict: pass, platform: linux, x: y", "`x` is not"),
        ("question: 6", "question: 7", "does not belong to q06.yaml"),
        (
            "    let:",
            "    applies: topics.doors.count > 0\n    let:",
            "`applies` is not a condition",
        ),
        ("    let:", "    max_age: soon\n    let:", "`max_age` must be a span such as 36h"),
        ("    let:", "    partial: [unknown]\n    let:", "`partial` must hold"),
        (
            "    let:",
            "    measures: {doors: {help: H, value: '1'}}\n    let:",
            "`doors` must begin with vigie_device_",
        ),
        (
            "    let:",
            "    measures: {vigie_device_info: {help: H, value: '1'}}\n    let:",
            "`vigie_device_info` is a metric of the server's own",
        ),
        (
            "    let:",
            "    measures: {vigie_device_doors: {help: H, value: p.colour}}\n    let:",
            "`value` is not a condition",
        ),
    ],
)
def test_a_malformed_rule_is_refused_with_file_and_place(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert was in RULES

    with pytest.raises(RulesMalformed) as refused:
        load(tmp_path, RULES.replace(was, becomes, 1))

    assert says in str(refused.value)
    assert str(refused.value).startswith("q06.yaml:")


def test_two_rules_of_one_id_are_refused(tmp_path: Path) -> None:
    rule = RULES[RULES.index("  - id:") :]

    with pytest.raises(RulesMalformed, match="is there twice"):
        load(tmp_path, RULES + rule)


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    first = load(tmp_path / "first", RULES)
    same = load(tmp_path / "second", RULES)
    other = load(tmp_path / "third", RULES.replace("default: 3", "default: 4"))

    assert same.digest == first.digest
    assert other.digest != first.digest


def test_rules_that_read_the_same_parts_share_what_is_shown_to_them() -> None:
    rules = bundled_catalogue().rules

    enabled = rules["Q06-firewall-enabled"].reads["firewall"].variable
    blocked = rules["Q06-inbound-blocked"].reads["firewall"].variable
    logged = rules["Q06-drops-logged"].reads["firewall"].variable

    assert enabled == blocked
    assert logged != enabled


def test_the_data_that_comes_with_the_server_is_found() -> None:
    assert (topics_folder() / "firewall.yaml").is_file()
    assert (guide_folder() / "q06.yaml").is_file()
    assert (guide_folder() / "reference" / "os_support.yaml").is_file()


KNOWN: Final = RULES.replace(
    "default: 3}",
    "default: 3}\n      locks: {type: products, about: {fr: Verrous, en: Locks}, default: locks}",
).replace("[name, shut], parts", "[name, shut], known: {name: locks}, parts")
LOCKS: Final = """products: locks
recorded: 2026-11-01
source: Ours
entries:
  - {product: Bolt, names: [bolt, "bar*"]}
"""


def known(tmp_path: Path, rules: str = KNOWN) -> Catalogue:
    (tmp_path / "guide" / "reference").mkdir(parents=True)
    (tmp_path / "guide" / "reference" / "locks.yaml").write_text(LOCKS, encoding="utf-8")
    return load(tmp_path, rules)


def test_a_rule_can_see_only_the_rows_of_known_products(tmp_path: Path) -> None:
    read = known(tmp_path).rules["Q06-doors-shut"].reads["doors"]

    assert read.known is not None
    assert read.known.holds({"name": "Bar 12"})
    assert not read.known.holds({"name": "hall"})
    assert not read.known.holds({"name": None})


@pytest.mark.parametrize(
    "wrong", ["{name: limit}", "{name: nothing}", "{colour: locks}", "{name: locks, shut: locks}"]
)
def test_known_rows_must_be_told_by_a_column_and_products(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(RulesMalformed, match="`known` must name one of `columns`"):
        known(tmp_path, KNOWN.replace("{name: locks}", wrong))
