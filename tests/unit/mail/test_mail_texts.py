"""The texts of question 7's measured rules: whole, in both languages, and read strictly."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from vigie_server.bundled import bundled_catalogue, bundled_mail_rules, bundled_site_guide
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.exchangers import Met
from vigie_server.domain.mail.findings import DMARC, RULES
from vigie_server.domain.mail.rule_files import load_mail_rules
from vigie_server.domain.verdicts import Severity

SENTENCES = {
    name: value
    for name, value in vars(reasons).items()
    if name.isupper() and isinstance(value, Mapping) and "fr" in value
} | dict(reasons.MET)


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_a_sentence_names_the_same_things_in_both_languages(name: str) -> None:
    sentence = SENTENCES[name]
    named = {language: set(re.findall(r"\{(\w+)\}", sentence[language])) for language in sentence}

    assert set(sentence) == {"fr", "en"}
    assert named["fr"] - {"count", "address"} <= named["en"]
    assert sentence["fr"].endswith(".")
    assert sentence["en"].endswith(".")


def test_every_way_a_meeting_ends_has_its_sentence() -> None:
    assert set(reasons.MET) == {met.value for met in Met}


def test_every_rule_has_its_texts_and_what_to_do_step_by_step() -> None:
    rules = bundled_mail_rules()

    assert tuple(rules) == RULES
    assert [rule.id for rule in rules.values() if rule.beyond_guide] == [DMARC]
    assert rules[DMARC].severity is Severity.MINOR
    for rule in rules.values():
        steps = {language: text.count("\n") for language, text in rule.remediation.items()}
        assert steps["fr"] == steps["en"] >= 3
        assert rule.remediation["fr"].startswith("1. ")


def test_the_ladder_names_the_rule_by_its_title() -> None:
    assert "STARTTLS" in bundled_site_guide(bundled_catalogue()).titles["Q07-starttls"]["fr"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: []\n", "Q07-spf"),
        ("rules:\n  - id: Q07-other\n", "mail.yaml:2"),
        ("rules:\n  - id: Q07-spf\n    severity: grave\n", "mail.yaml:3"),
        ("rules: []\nothers: 1\n", "others"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mail.yaml").write_text(text)

    with pytest.raises(RulesMalformed, match=told):
        load_mail_rules(tmp_path / "mail.yaml")
