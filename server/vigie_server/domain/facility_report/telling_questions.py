"""The thirteen questions, told one by one: level, what holds it, evidence, what comes next."""

from collections.abc import Sequence
from typing import Final

from vigie_server.domain.attesting import Outcome, ValueKind
from vigie_server.domain.facility_report.content import (
    Attested,
    QuestionPart,
    RuleCount,
    SiteRule,
)
from vigie_server.domain.facility_report.document import (
    Block,
    Bullets,
    Cell,
    Paragraph,
    Scale,
    Section,
    Table,
    Tone,
)
from vigie_server.domain.facility_report.telling_parts import (
    expiry_cell,
    level_text,
    move_text,
    sentence,
)
from vigie_server.domain.facility_report.typography import day, told
from vigie_server.domain.facility_report.words import Words
from vigie_server.domain.verdicts import Status

_STATUS_TONE: Final = {
    Status.PASS: Tone.GOOD,
    Status.FAIL: Tone.BAD,
    Status.UNKNOWN: Tone.WARN,
    Status.NOT_APPLICABLE: Tone.QUIET,
}


def question_sections(parts: Sequence[QuestionPart], words: Words) -> Sequence[Section]:
    """A section each."""
    return [_question(part, words) for part in parts]


def _question(part: QuestionPart, words: Words) -> Section:
    label = level_text(part.level, words)
    text = words("level.none.why") if part.words is None else words.of(part.words)
    blocks: list[Block] = [Scale(part.level, label, text)]
    if part.since is not None:
        blocks.append(
            Paragraph(
                words("question.since", day=day(part.since, words.language))
                + " "
                + words(
                    "question.trend",
                    period=move_text(part.period, words),
                    year=move_text(part.year, words),
                ),
                Tone.QUIET,
            )
        )
    if part.steps:
        blocks += [
            Paragraph(words("question.steps"), kind="label"),
            Bullets(tuple(sentence(step.words, words) for step in part.steps)),
        ]
    elif part.level is not None and part.reason is not None:
        blocks.append(Paragraph(sentence(part.reason, words)))
    if part.rules:
        blocks.append(_rules(part.rules, words))
    if part.site_rules:
        blocks.append(_site_rules(part.site_rules, words))
    if part.attested:
        blocks.append(_attested(part.attested, words))
    else:
        blocks.append(Paragraph(words("question.attested.none"), Tone.QUIET))
    heading = words("question", number=str(part.question), title=words.of(part.title))
    return Section(f"q{part.question}", 2, heading, tuple(blocks))


def _rules(rules: Sequence[RuleCount], words: Words) -> Table:
    return Table(
        words("question.rules"),
        tuple(
            words(f"head.{name}")
            for name in (
                "rule",
                "severity",
                "passing",
                "failing",
                "waived",
                "unknown",
                "beside",
            )
        ),
        tuple(
            (
                Cell(words.of(rule.title)),
                Cell(words(f"severity.{rule.severity}")),
                _count(rule.passing, Tone.GOOD),
                _count(rule.failing, Tone.BAD),
                _count(rule.waived, Tone.WARN),
                _count(rule.unknown, Tone.WARN),
                _count(rule.beside, Tone.QUIET),
            )
            for rule in rules
        ),
        (30, 10, 12, 12, 12, 14, 10),
    )


def _count(number: int, tone: Tone) -> Cell:
    return Cell(str(number), tone if number else Tone.QUIET)


def _site_rules(rules: Sequence[SiteRule], words: Words) -> Table:
    return Table(
        words("question.site"),
        (words("head.rule"), words("head.status"), words("head.reason")),
        tuple(
            (
                Cell(words.of(rule.title)),
                Cell(words(f"status.{rule.status}"), _STATUS_TONE[rule.status]),
                Cell(sentence(rule.reason, words)),
            )
            for rule in rules
        ),
        (34, 16, 50),
    )


def _attested(attested: Sequence[Attested], words: Words) -> Table:
    language = words.language
    return Table(
        words("question.attested"),
        tuple(
            words(f"head.{name}")
            for name in ("item", "outcome", "at", "author", "document", "expires")
        ),
        tuple(
            (
                Cell(_title(one, words)),
                _answer(one, words),
                Cell(day(one.at, language)),
                Cell(told(one.author)),
                Cell(told(one.document) or words("nothing")),
                expiry_cell(one.currency, day(one.expires_at, language), words),
            )
            for one in attested
        ),
        (29, 17, 12, 13, 14, 15),
    )


def _title(one: Attested, words: Words) -> str:
    title = words.of(one.title)
    return title if one.group is None else words("of.group", title=title, group=told(one.group))


def _answer(one: Attested, words: Words) -> Cell:
    outcome = words(f"outcome.{one.outcome}")
    if one.value is not None:
        outcome = words("outcome.value", outcome=outcome, value=_value(one, words))
    if one.outcome is Outcome.NOT_APPLICABLE and one.reason:
        outcome = words("outcome.reason", outcome=outcome, reason=told(one.reason))
    return Cell(outcome, Tone.BAD if one.outcome is Outcome.NOT_HELD else Tone.PLAIN)


def _value(one: Attested, words: Words) -> str:
    match one.value_kind, one.value:
        case ValueKind.DAYS, int() as days:
            return words("value.days", value=days)
        case ValueKind.PERCENT, int() as percent:
            return words("value.percent", value=percent)
        case ValueKind.YES_NO, ("yes" | "no") as answer:
            return words(f"value.{answer}")
        case _:
            return told(str(one.value))
