"""The demo's table: question, rule, verdict, why, what to do; and the score. French or English."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Group, RenderableType
from rich.table import Table

from vigie_server.demo.unbroken import UnbrokenText
from vigie_server.domain.documents import Texts
from vigie_server.domain.french import spaced
from vigie_server.domain.reasons import STATUSES
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.ports.readers import VerdictRecord

Language = Literal["fr", "en"]

ORDER: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)
"""What needs somebody comes first."""

_STYLES: Final[Mapping[Status, str]] = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.UNKNOWN: "yellow",
    Status.NOT_APPLICABLE: "dim",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What the table says, in one language."""

    question: str
    rule: str
    verdict: str
    why: str
    remedy: str
    statuses: Mapping[Status, str]
    severities: Mapping[Severity, str]
    score: str
    as_root: str


WORDS: Final[Mapping[Language, Words]] = {
    "fr": Words(
        question="Question",
        rule="Règle",
        verdict="Verdict",
        why="Pourquoi",
        remedy="Que faire",
        statuses={status: said["fr"] for status, said in STATUSES.items()},
        severities={
            Severity.CRITICAL: "critique",
            Severity.MAJOR: "majeure",
            Severity.MINOR: "mineure",
        },
        score="Score : {passed} règles conformes sur {counted} ({share:.0%})",
        as_root="L'agent n'a pas les droits d'administration : ce qu'il ne peut pas lire est "
        "indéterminé. Pour tout voir : sudo make demo",
    ),
    "en": Words(
        question="Question",
        rule="Rule",
        verdict="Verdict",
        why="Why",
        remedy="What to do",
        statuses={status: said["en"] for status, said in STATUSES.items()},
        severities={
            Severity.CRITICAL: "critical",
            Severity.MAJOR: "major",
            Severity.MINOR: "minor",
        },
        score="Score: {passed} of {counted} rules pass ({share:.0%})",
        as_root="The agent has no administration rights: what it may not read is unknown. "
        "To see everything: sudo make demo",
    ),
}


def spoken_language(environment: Mapping[str, str] = os.environ) -> Language:
    """English where the locale asks for it, French otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "en" if environment[name].lower().startswith("en") else "fr"
    return "fr"


def verdict_table(
    verdicts: Sequence[VerdictRecord],
    rules: Mapping[str, Rule],
    *,
    platform: str,
    language: Language,
) -> RenderableType:
    """The verdicts that apply, question by question, what needs somebody first; then the score."""
    words = WORDS[language]
    table = Table(show_lines=True, expand=True)
    table.add_column(words.question, justify="right", no_wrap=True, width=8)
    table.add_column(words.rule, ratio=3)
    table.add_column(words.verdict, no_wrap=True, width=13)
    table.add_column(words.why, ratio=4)
    table.add_column(words.remedy, ratio=5)
    shown = [verdict for verdict in verdicts if verdict.status is not Status.NOT_APPLICABLE]
    for verdict in sorted(shown, key=lambda v: (rules[v.rule].question, ORDER.index(v.status))):
        rule = rules[verdict.rule]
        table.add_row(
            str(rule.question),
            UnbrokenText.assemble(
                _said(rule.title, language),
                "\n",
                (f"{rule.id} · {words.severities[rule.severity]}", "dim"),
            ),
            UnbrokenText(words.statuses[verdict.status], style=_STYLES[verdict.status]),
            UnbrokenText(_said(verdict.reason, language)),
            UnbrokenText(_remedy(rule, verdict, platform, language)),
        )
    return Group(table, UnbrokenText(_score(verdicts, words), style="bold"))


def _remedy(rule: Rule, verdict: VerdictRecord, platform: str, language: Language) -> str:
    if verdict.status is not Status.FAIL:
        return ""
    return _said(rule.remediation_on(platform), language)


def _said(texts: Texts, language: Language) -> str:
    return spaced(texts[language]) if language == "fr" else texts[language]


def _score(verdicts: Sequence[VerdictRecord], words: Words) -> str:
    counted = [v.status for v in verdicts if v.status is not Status.NOT_APPLICABLE]
    passed = counted.count(Status.PASS)
    share = passed / len(counted) if counted else 0.0
    return words.score.format(passed=passed, counted=len(counted), share=share)
