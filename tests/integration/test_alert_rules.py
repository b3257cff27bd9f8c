"""The alerts as files: promtool accepts them, and none lacks its tests, its page or its texts."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from alert_files import FOLDER, GUIDE_RULE, RECORDED, RUNBOOKS, Alert, alerts, recordings
from alert_files import test_files as files_of_tests
from components import required_program
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.verdicts import Severity

KINDS = ("fires", "quiet", "edge")
SEVERITIES = {"critical", "warning", "info"}
SCOPES = {"device", "site", "server"}
TEXTS = ("summary", "description")
HEADINGS = (
    "## Ce que cela veut dire pour l'accompagnement",
    "## Ce qu'il faut vérifier",
    "## Ce qu'il faut faire",
    "## Qui s'en charge",
    "## Dans le guide",
    "## In English",
)
ALERTS = {alert.name: alert for alert in alerts()}
each_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)


def promtool(*arguments: str, folder: Path = FOLDER) -> str:
    """What promtool says, where it finds nothing wrong."""
    found = subprocess.run(
        [required_program("promtool"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def cases_of(alert: str) -> list[Mapping[str, Any]]:
    path = FOLDER / "tests" / f"{alert}.yml"
    assert path.is_file(), f"{alert} has no tests"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["tests"])


def fired_at_some_time(case: Mapping[str, Any]) -> list[bool]:
    """Of each moment that the case looks at, whether the alert is expected to fire."""
    told = [bool(look["exp_alerts"]) for look in case.get("alert_rule_test", [])]
    return told + [bool(look["exp_samples"]) for look in case.get("promql_expr_test", [])]


def test_promtool_accepts_every_rule() -> None:
    said = promtool("check", "rules", *[str(path) for path in (FOLDER / "rules").glob("*.yml")])

    assert said.count("SUCCESS") == len(list((FOLDER / "rules").glob("*.yml")))


@pytest.mark.parametrize("configuration", ["prometheus.yml", "prometheus-sharded.yml"])
def test_promtool_accepts_the_configuration(configuration: str, tmp_path: Path) -> None:
    (tmp_path / configuration).write_text((FOLDER / configuration).read_text())
    (tmp_path / "rules").symlink_to(FOLDER / "rules")
    for named in ("vigie-token", "vigie-https.crt"):
        (tmp_path / named).touch()

    promtool("check", "config", configuration, folder=tmp_path)


@pytest.mark.parametrize("path", files_of_tests(), ids=lambda path: path.stem)
def test_promtool_runs_the_tests_of_an_alert(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(path))


def test_promtool_runs_the_tests_of_recorded_series() -> None:
    assert "SUCCESS" in promtool("test", "rules", "tests/recorded/vigie-recording.yml")


def test_no_tests_and_no_page_are_left_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in files_of_tests()} == set(ALERTS)
    assert {path.stem for path in RUNBOOKS.glob("Vigie*.md")} == set(ALERTS)


@each_alert
def test_an_alert_has_a_test_that_fires_it_one_that_does_not_and_one_at_the_edge(
    alert: Alert,
) -> None:
    kinds: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in KINDS}
    for case in cases_of(alert.name):
        named, _, about = case["name"].partition(": ")
        name, kind = named.split()
        assert name == alert.name
        assert about
        kinds[kind].append(case)
        asked = [look["alertname"] for look in case.get("alert_rule_test", [])]
        asked += re.findall(
            r'ALERTS{alertname="(\w+)"',
            "".join(look["expr"] for look in case.get("promql_expr_test", [])),
        )
        assert set(asked) == {alert.name}

    assert all(fired_at_some_time(case) == [True] for case in kinds["fires"])
    assert all(not any(fired_at_some_time(case)) for case in kinds["quiet"])
    assert min(len(cases) for cases in kinds.values()) >= 1
    # An edge has two sides: some moment or device fires, some other does not.
    edges = [told for case in kinds["edge"] for told in fired_at_some_time(case)]
    assert any(edges)


@each_alert
def test_an_alert_says_what_it_is_in_both_languages(alert: Alert) -> None:
    (fires, *_) = [case for case in cases_of(alert.name) if " fires: " in case["name"]]
    (told, *_) = fires["alert_rule_test"][0]["exp_alerts"]
    rendered = told["exp_annotations"]

    assert alert.labels["severity"] in SEVERITIES
    assert alert.labels["scope"] in SCOPES
    assert told["exp_labels"]["question"] in {str(number) for number in range(1, 14)}
    for text in TEXTS:
        french, english = rendered[text], rendered[f"{text}_en"]
        assert french
        assert english
        assert french != english
        assert not re.search(r"<error|<no value>|\{\{", french + english)
    assert alert.annotations["runbook_url"] == f"docs/runbooks/{alert.name}.md"


@each_alert
def test_an_alert_has_a_page_that_says_what_to_do(alert: Alert) -> None:
    page = (RUNBOOKS / f"{alert.name}.md").read_text(encoding="utf-8")

    places = [page.find(heading) for heading in HEADINGS]
    assert -1 not in places
    assert places == sorted(places)
    parts = re.split(r"^## .*$", page, flags=re.MULTILINE)[1:]
    assert [heading for heading, part in zip(HEADINGS, parts, strict=True) if len(part) < 40] == []
    assert f"`{alert.name}`" in page
    question = alert.labels.get("question")
    if question is not None:
        assert f"Question {question} du guide" in page


def test_the_index_of_pages_has_every_alert() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"\[(Vigie\w+)\]\(\1\.md\)", index)) == set(ALERTS)


def test_rules_of_the_guide_that_alerts_name_exist() -> None:
    named = {rule for alert in ALERTS.values() for rule in GUIDE_RULE.findall(alert.expression)}

    assert named
    assert named <= bundled_catalogue().rules.keys()


def test_a_critical_rule_is_told_by_one_alert_whatever_it_is() -> None:
    rules = bundled_catalogue().rules
    named = set(GUIDE_RULE.findall(ALERTS["VigieCriticalRuleFailing"].expression))
    left_out = {rule for rule in named if rules[rule].severity is Severity.CRITICAL}
    elsewhere = {
        rule
        for alert in ALERTS.values()
        if alert.name not in {"VigieCriticalRuleFailing", "VigieNomadicDeviceNonCompliant"}
        for rule in GUIDE_RULE.findall(alert.expression)
        if rules[rule].severity is Severity.CRITICAL
    }

    assert left_out == elsewhere


def test_what_is_left_out_of_nomadic_devices_is_minor_or_told_elsewhere() -> None:
    rules = bundled_catalogue().rules
    named = set(GUIDE_RULE.findall(ALERTS["VigieNomadicDeviceNonCompliant"].expression))
    told = set(GUIDE_RULE.findall(ALERTS["VigieNomadicDeviceUnprotected"].expression))

    grave = {rule for rule in named if rules[rule].severity is not Severity.MINOR}
    assert grave == told | {"Q09-seen-recently"}


def test_recorded_series_that_are_used_are_recorded() -> None:
    recorded = recordings()
    used = {
        name
        for expression in (*recorded.values(), *[one.expression for one in ALERTS.values()])
        for name in RECORDED.findall(expression)
    }

    assert used <= recorded.keys()
    assert all(RECORDED.fullmatch(name) for name in recorded)
