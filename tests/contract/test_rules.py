"""The rules of the guide: their examples, what the catalogue fixes, and the law of the judge.

The law: a rule never passes on a failure. Hypothesis takes an example that passes, breaks its
evidence in one of the ways evidence breaks, and looks at the verdict.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.devices import Device
from vigie_server.domain.examples import NOW, Answer, Example, converted
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import Judge
from vigie_server.domain.parameters import REFERENCES, ParameterType
from vigie_server.domain.rules import Rule
from vigie_server.domain.topics import ColumnType
from vigie_server.domain.verdicts import Status, Verdict
from written_cells import WrittenCells

CATALOGUE: Final = bundled_catalogue()
JUDGE: Final = Judge(CATALOGUE)
FORGETFUL: Final = Judge(CATALOGUE, memory_bytes=0)
every_rule: Final = pytest.mark.parametrize(
    "rule", CATALOGUE.rules.values(), ids=lambda rule: rule.id
)
"""Each with all its examples: there are too many for a test each."""

SEVERITIES: Final = {
    "Q01-hardware-identified": "minor",
    "Q01-software-inventoried": "minor",
    "Q01-accounts-inventoried": "minor",
    "Q01-asset-recorded": "minor",
    "Q01-no-unexpected-listener": "major",
    "Q01-remote-access-approved": "major",
    "Q02-backup-configured": "major",
    "Q02-backup-recent": "critical",
    "Q03-os-supported": "critical",
    "Q03-os-support-horizon": "minor",
    "Q03-auto-update": "major",
    "Q03-software-auto-update": "minor",
    "Q03-no-obsolete-software": "major",
    "Q03-patched-recently": "critical",
    "Q03-no-pending-reboot": "minor",
    "Q04-antivirus-active": "critical",
    "Q04-signatures-fresh": "critical",
    "Q04-auto-update": "major",
    "Q04-scan-recent": "major",
    "Q04-edr-active": "minor",
    "Q05-min-length": "critical",
    "Q05-complexity": "major",
    "Q05-lockout": "major",
    "Q05-rotation": "minor",
    "Q05-no-empty-password": "critical",
    "Q05-no-guest": "major",
    "Q05-no-generic-account": "major",
    "Q05-password-vault": "minor",
    "Q05-screen-lock": "major",
    "Q06-firewall-enabled": "critical",
    "Q06-inbound-blocked": "critical",
    "Q06-drops-logged": "minor",
    "Q08-admins-approved": "critical",
    "Q08-admins-few": "major",
    "Q08-daily-user-not-admin": "critical",
    "Q08-no-stale-account": "major",
    "Q08-elevation-guarded": "major",
    "Q08-no-admin-browsing": "major",
    "Q08-no-peer-access": "major",
    "Q09-disk-encrypted": "critical",
    "Q09-vpn-installed": "major",
    "Q09-vpn-active-off-site": "major",
    "Q09-usb-storage-blocked": "major",
    "Q09-no-usb-storage": "minor",
    "Q09-bluetooth-off": "minor",
    "Q09-no-saved-passwords": "minor",
    "Q09-seen-recently": "major",
    "Q09-managed-device": "minor",
    "Q11-logging-active": "major",
    "Q11-logs-centralised": "minor",
    "Q11-clock-synchronised": "minor",
}


def verdict_of(rule: Rule, device: Device, facts: Mapping[str, Fact]) -> Verdict:
    (verdict,) = (v for v in JUDGE.judge(device, facts, now=NOW) if v.rule == rule.id)
    return verdict


@cache
def _judged(rule_id: str) -> Sequence[tuple[Example, Verdict]]:
    rule = CATALOGUE.rules[rule_id]
    return [
        (example, verdict_of(rule, example.device, example.facts(CATALOGUE.topics)))
        for example in rule.examples
    ]


def judged(rule: Rule) -> Sequence[tuple[Example, Verdict]]:
    """Each example of a rule, and the verdict that it gets."""
    found = _judged(rule.id)
    assert found
    return found


def facts_of(answers: Mapping[str, Answer]) -> Mapping[str, Fact]:
    return {name: converted(CATALOGUE.topics[name], answer) for name, answer in answers.items()}


def test_the_whole_rule_of_each_platform_is_shown_by_examples() -> None:
    """At least one pass, one fail and one unknown for each platform that a rule judges."""
    lacking = {
        f"{rule.id} on {platform}: {', '.join(sorted(wanted - shown))}"
        for rule in CATALOGUE.rules.values()
        if rule.question in {1, 2, 3, 4, 11} and rule.reads
        for platform in rule.platforms
        for wanted in [{Status.PASS, Status.FAIL, Status.UNKNOWN}]
        for shown in [{e.verdict for e in rule.examples if e.device.platform == platform}]
        if not wanted <= shown
    }

    assert sorted(lacking) == []


def passing(*, with_topics: bool = True) -> list[tuple[Rule, Example]]:
    return [
        (rule, example)
        for rule in CATALOGUE.rules.values()
        for example in rule.examples
        if example.verdict is Status.PASS and (rule.reads or not with_topics)
    ]


@every_rule
def test_each_example_gets_its_verdict(rule: Rule) -> None:
    for example, verdict in judged(rule):
        assert verdict.status is example.verdict, f"{example.name}: {verdict.reason['fr']}"
        assert example.says in verdict.reason["fr"], example.name


@every_rule
def test_a_reason_is_a_sentence_in_both_languages(rule: Rule) -> None:
    for example, verdict in judged(rule):
        assert verdict.reason.keys() == {"fr", "en"}, example.name
        for sentence in verdict.reason.values():
            assert sentence.endswith("."), example.name
            assert "{" not in sentence, example.name


@every_rule
def test_a_fail_is_shown_by_rows_or_by_their_absence(rule: Rule) -> None:
    for example, verdict in judged(rule):
        assert len(verdict.offending) <= rule.row_limit, example.name
        if verdict.status is not Status.FAIL:
            assert verdict.offending == (), example.name
        for row in verdict.offending:
            assert "#" not in row, example.name


UNSEEN: Final = {
    ("Q05-no-empty-password", "windows", Status.FAIL),  # Windows tells no program that one is empty
}
"""What no evidence that a device can give comes to."""


@pytest.mark.parametrize(
    "rule", [rule for rule in CATALOGUE.rules.values() if rule.reads], ids=lambda rule: rule.id
)
def test_examples_show_each_verdict_on_each_platform(rule: Rule) -> None:
    wanted = {
        (rule.id, platform, status)
        for platform in rule.platforms
        for status in (Status.PASS, Status.FAIL, Status.UNKNOWN)
    }
    shown = {(rule.id, example.device.platform, example.verdict) for example in rule.examples}

    assert wanted - shown == UNSEEN & wanted


BEYOND_THE_GUIDE: Final = {
    *("Q01-accounts-inventoried", "Q01-no-unexpected-listener", "Q01-remote-access-approved"),
    *("Q01-software-inventoried", "Q02-backup-recent", "Q03-no-pending-reboot"),
    *("Q03-os-support-horizon", "Q03-patched-recently", "Q04-scan-recent", "Q04-signatures-fresh"),
    *("Q05-complexity", "Q05-lockout", "Q05-no-empty-password", "Q05-rotation", "Q05-screen-lock"),
    *("Q08-admins-few", "Q08-elevation-guarded", "Q08-no-stale-account"),
    *("Q09-disk-encrypted", "Q09-seen-recently", "Q09-vpn-active-off-site"),
    "Q11-clock-synchronised",
}
"""Marked + in the catalogue: not in the guide, or its figure is ours."""


def test_what_goes_beyond_the_guide_is_marked_as_in_the_catalogue() -> None:
    marked = {rule.id for rule in CATALOGUE.rules.values() if rule.beyond_guide}

    assert marked == BEYOND_THE_GUIDE


def test_the_rules_are_those_of_the_catalogue_with_its_severities() -> None:
    severities = {rule.id: rule.severity.value for rule in CATALOGUE.rules.values()}

    assert severities == SEVERITIES


def test_thresholds_are_those_of_the_catalogue() -> None:
    def value(rule: str, parameter: str, profile: str = "standard") -> object:
        return CATALOGUE.rules[rule].parameters[parameter].value(profile)

    assert value("Q01-software-inventoried", "max_days") == 7
    assert value("Q02-backup-recent", "max_days") == 7
    assert value("Q03-os-support-horizon", "horizon_days") == 180
    assert value("Q03-patched-recently", "max_days") == 35
    assert value("Q03-no-pending-reboot", "max_days") == 7
    assert value("Q04-signatures-fresh", "max_days") == 3
    assert value("Q04-signatures-fresh", "max_days", "critical") == 2
    assert value("Q04-scan-recent", "max_days") == 14
    assert value("Q05-min-length", "min_length") == 14
    assert value("Q05-min-length", "min_length", "low") == 9
    assert value("Q05-complexity", "passphrase_length") == 20
    assert value("Q05-lockout", "min_tries") == 3
    assert value("Q05-lockout", "max_tries") == 10
    assert value("Q05-rotation", "max_days") == 365
    assert value("Q05-screen-lock", "max_minutes") == 15
    assert value("Q08-admins-few", "max_others") == 0
    assert value("Q08-admins-few", "max_total") == 2
    assert value("Q08-no-stale-account", "max_days") == 90
    assert value("Q09-seen-recently", "max_days") == 30
    assert value("Q11-clock-synchronised", "max_minutes") == 5


def test_every_whole_number_that_may_be_set_has_a_most() -> None:
    without = [
        f"{rule.id} {parameter.name}"
        for rule in CATALOGUE.rules.values()
        for parameter in rule.parameters.values()
        if parameter.type is ParameterType.INTEGER and parameter.most is None
    ]

    assert without == []


@pytest.mark.parametrize("word", ["cryptage", "flotte", "certifié", "ANSSI", "crypté"])
def test_french_texts_keep_to_the_vocabulary(word: str) -> None:
    texts = [
        text["fr"]
        for rule in CATALOGUE.rules.values()
        for text in (rule.title, rule.why, *rule.remediation.values())
    ]

    assert not [text for text in texts if word in text]


@pytest.mark.parametrize("rule", CATALOGUE.rules.values(), ids=lambda rule: rule.id)
def test_french_texts_are_set_as_french_is(rule: Rule) -> None:
    """Quotation marks are « », and what goes on ends with …, right after the last word."""
    texts = [rule.title, rule.why, *rule.remediation.values()]
    texts += [parameter.about for parameter in rule.parameters.values()]

    assert not [text["fr"] for text in texts if re.search(r'[`"]|\.\.\.|, …', text["fr"])]


COMMAND: Final = re.compile(
    r"\b(systemctl|apt|dnf|ufw|passwd|gpasswd|chage|timedatectl|sudo) |/etc/"
)
FOR_WHO_ADMINISTERS: Final = re.compile(
    r"administers|administre|[Cc]ommand line|[Ll]igne de commande|no window|pas de fenêtre|Terminal"
)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_what_a_manager_reads_first_is_no_command(platform: str) -> None:
    """Who has no technician is told windows and buttons; a command says whom it is for."""
    wrong = []
    for rule in CATALOGUE.rules.values():
        texts = rule.remediation_on(platform) if platform in rule.platforms else {}
        for text in texts.values():
            whose = False
            for number, step in enumerate(text.splitlines()):
                whose = whose or FOR_WHO_ADMINISTERS.search(step) is not None
                if COMMAND.search(step) and (number == 0 or not whose):
                    wrong.append((rule.id, step))

    assert wrong == []


def test_the_metrics_that_the_rules_export_have_a_help_text() -> None:
    assert set(CATALOGUE.measures) == {
        "vigie_device_antivirus_signature_timestamp_seconds",
        "vigie_device_last_backup_timestamp_seconds",
        "vigie_device_last_patch_timestamp_seconds",
        "vigie_device_local_admins",
    }
    assert all(text.endswith(".") for text in CATALOGUE.measures.values())


# --- The law --------------------------------------------------------------------------------------


@st.composite
def broken_evidence(draw: st.DrawFn) -> tuple[Rule, Device, Mapping[str, Fact], str]:
    """A rule, and the evidence of an example that passes, broken in one topic that it reads."""
    rule, example = draw(st.sampled_from(passing()))
    name = draw(st.sampled_from(sorted(rule.reads)))
    read, topic, answer = rule.reads[name], CATALOGUE.topics[name], example.answers[name]
    facts = dict(example.facts(CATALOGUE.topics))
    typed = sorted(c for c in read.columns if topic.columns[c].type is not ColumnType.TEXT)
    how = draw(
        st.sampled_from(
            ["never reported", "version", "too old", "status", "column", "nothing collected"]
            + (["text in a number"] if typed and answer.rows else [])
        )
    )
    match how:
        case "never reported":
            del facts[name]
        case "version":
            facts[name] = replace(facts[name], topic_version=read.version + 1)
        case "too old":
            age = rule.max_age + timedelta(seconds=draw(st.integers(0, 10**8)))
            facts[name] = replace(facts[name], observed_at=NOW - age)
        case "status":
            status = draw(st.sampled_from(["error", "timeout", "no_permission", "too_large", "?"]))
            facts[name] = replace(facts[name], status=status, cells=WrittenCells(()))
        case "column":
            assume(facts[name].rows)
            lost = draw(st.sampled_from(sorted(read.columns | {"part", "collected"})))
            facts[name] = replace(
                facts[name],
                columns=facts[name].columns - {lost},
                cells=WrittenCells(
                    tuple(
                        {column: cell for column, cell in row.items() if column != lost}
                        for row in facts[name].rows
                    )
                ),
            )
        case "nothing collected":
            parts = sorted(read.parts[example.device.platform])
            rows = tuple({"part": part, "collected": "no", "why": "no"} for part in parts)
            facts[name] = converted(topic, replace(answer, rows=rows))
        case _:
            column = draw(st.sampled_from(typed))
            number = draw(st.integers(0, len(answer.rows) - 1))
            text = draw(st.sampled_from(["abc", "1.5.2", "oui", "0x10", "1e999", "9" * 25, " 1"]))
            rows = tuple(
                {**row, column: text} if index == number else dict(row)
                for index, row in enumerate(answer.rows)
            )
            facts[name] = converted(topic, replace(answer, rows=rows))
    return rule, example.device, facts, how


@given(broken_evidence())
def test_no_rule_passes_on_broken_evidence(
    broken: tuple[Rule, Device, Mapping[str, Fact], str],
) -> None:
    rule, device, facts, how = broken

    verdict = verdict_of(rule, device, facts)

    assert verdict.status is Status.UNKNOWN, f"{rule.id}, {how}: {verdict.reason['en']}"


@given(st.lists(broken_evidence(), min_size=2, max_size=5))
def test_an_answer_from_memory_is_the_one_that_would_be_given_anew(
    cases: list[tuple[Rule, Device, Mapping[str, Fact], str]],
) -> None:
    for _, device, facts, _ in (*cases, *cases):
        assert JUDGE.judge(device, facts, now=NOW) == FORGETFUL.judge(device, facts, now=NOW)


@every_rule
def test_examples_are_judged_alike_with_and_without_memory(rule: Rule) -> None:
    later = NOW + rule.max_age / 2
    for example in rule.examples:
        facts = example.facts(CATALOGUE.topics)

        for now in (NOW, later, NOW):
            remembering = JUDGE.judge(example.device, facts, now=now)

            assert remembering == FORGETFUL.judge(example.device, facts, now=now), example.name


@given(
    st.lists(broken_evidence(), min_size=1, max_size=4),
    st.lists(st.integers(0, 3 * 86_400 * 10**6), min_size=2, max_size=6),
)
def test_memory_changes_nothing_whatever_the_moments_and_the_age_of_the_evidence(
    cases: list[tuple[Rule, Device, Mapping[str, Fact], str]], moments: list[int]
) -> None:
    near = [moment + step for moment in moments for step in (0, 1, 400_000, 10**6)]
    for microseconds in (*near, *near):
        now = NOW + timedelta(microseconds=microseconds)
        for _, device, facts, _ in cases:
            fresher = {name: replace(fact, observed_at=now) for name, fact in facts.items()}
            for held in (facts, fresher):
                assert JUDGE.judge(device, held, now=now) == FORGETFUL.judge(device, held, now=now)


@every_rule
def test_an_example_is_judged_alike_in_one_second_and_where_its_freshness_ends(
    rule: Rule,
) -> None:
    for example, verdict in judged(rule):
        facts = example.facts(CATALOGUE.topics)
        ends = verdict.next_check_at or NOW

        for instant in (NOW, ends - timedelta(seconds=1), ends):
            for step in (0, 250_000, 999_999):
                now = instant.replace(microsecond=0) + timedelta(microseconds=step)
                remembering = JUDGE.judge(example.device, facts, now=now)
                anew = FORGETFUL.judge(example.device, facts, now=now)

                assert remembering == anew, example.name


@given(st.data())
def test_a_part_that_did_not_answer_leaves_a_pass_only_where_the_rule_says_so(
    data: st.DataObject,
) -> None:
    rule, example = data.draw(st.sampled_from(passing()))
    name = data.draw(st.sampled_from(sorted(rule.reads)))
    part = data.draw(st.sampled_from(sorted(rule.reads[name].parts[example.device.platform])))
    answer = example.answers[name]
    kept = tuple(row for row in answer.rows if row["part"] != part)
    gap = {"part": part, "collected": "no", "why": "no_permission: needs root"}
    answers = {**example.answers, name: replace(answer, rows=(*kept, gap))}

    verdict = verdict_of(rule, example.device, facts_of(answers))

    if verdict.status is Status.PASS:
        assert Status.PASS in rule.partial
        assert any(row["part"] in rule.reads[name].parts[example.device.platform] for row in kept)


@given(st.data())
def test_a_value_that_is_lost_never_turns_another_verdict_into_a_pass(
    data: st.DataObject,
) -> None:
    rule, example = data.draw(
        st.sampled_from(
            [
                (rule, example)
                for rule in CATALOGUE.rules.values()
                for example in rule.examples
                if example.verdict in {Status.FAIL, Status.UNKNOWN}
                and any(answer.rows for answer in example.answers.values())
            ]
        )
    )
    answers = {}
    for name, answer in example.answers.items():
        topic = CATALOGUE.topics[name]
        typed = [
            c
            for c in sorted(topic.columns)
            if topic.columns[c].type is not ColumnType.TEXT and c != "collected"
        ]
        lost = data.draw(st.sets(st.sampled_from(typed))) if typed else set()
        rows = tuple({c: v for c, v in row.items() if c not in lost} for row in answer.rows)
        answers[name] = replace(answer, rows=rows)

    verdict = verdict_of(rule, example.device, facts_of(answers))

    assert verdict.status is not Status.PASS, f"{rule.id}, {example.name}"


@given(st.data())
def test_garbage_is_judged_without_raising(data: st.DataObject) -> None:
    device = data.draw(st.sampled_from([example.device for _, example in passing()]))
    cell = st.text(max_size=12) | st.sampled_from(["", "1", "0", "yes", "-1", "1700000000"])
    facts = {}
    for name in data.draw(st.sets(st.sampled_from(sorted(CATALOGUE.topics)), min_size=1)):
        topic = CATALOGUE.topics[name]
        columns = sorted(topic.columns)
        rows = st.lists(cell, min_size=len(columns), max_size=len(columns))
        values = [value for row in data.draw(st.lists(rows, max_size=3)) for value in row]
        facts[name] = topic.convert(
            topic_version=1,
            status="ok",
            message="",
            columns=columns,
            values=values,
            observed_at=NOW,
        )

    verdicts = JUDGE.judge(device, facts, now=NOW)

    assert [verdict.rule for verdict in verdicts] == sorted(CATALOGUE.rules)


@pytest.mark.parametrize(
    ("rule", "parameter"),
    [
        pytest.param(rule, parameter, id=f"{rule.id} {parameter}")
        for rule in CATALOGUE.rules.values()
        for parameter, about in rule.parameters.items()
        if about.type not in REFERENCES
    ],
)
def test_a_setting_of_the_wrong_type_leaves_nothing_to_say(rule: Rule, parameter: str) -> None:
    example = next(e for e in rule.examples if e.verdict is Status.PASS)
    device = replace(example.device, parameters={rule.id: {parameter: {"not": "a value"}}})

    verdict = verdict_of(rule, device, example.facts(CATALOGUE.topics))

    assert verdict.status is Status.UNKNOWN
    assert parameter in verdict.reason["fr"]


@pytest.mark.parametrize("rule", CATALOGUE.rules.values(), ids=CATALOGUE.rules)
def test_a_device_of_no_known_platform_is_unknown_to_every_rule(rule: Rule) -> None:
    example = next(e for e in rule.examples if e.verdict is Status.PASS)

    verdict = verdict_of(
        rule, replace(example.device, platform="plan9"), example.facts(CATALOGUE.topics)
    )

    assert verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "example"),
    [
        pytest.param(rule, example, id=f"{rule.id}: {example.name}")
        for rule, example in passing(with_topics=False)
        if rule.reads or rule.conditions.fresh_until is not None
    ],
)
def test_a_pass_is_asked_again_when_time_can_end_it(rule: Rule, example: Example) -> None:
    facts = example.facts(CATALOGUE.topics)
    verdict = verdict_of(rule, example.device, facts)

    assert verdict.next_check_at is not None
    (later,) = (
        v
        for v in JUDGE.judge(example.device, facts, now=verdict.next_check_at)
        if v.rule == rule.id
    )

    assert later.status is not Status.PASS or later.next_check_at != verdict.next_check_at
