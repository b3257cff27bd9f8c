"""The report of a managing body or a region, told in one language: numbers of facilities alone."""

from typing import Final

from vigie_server.domain.facility_report.content import Kind, RollUpReport, Spread
from vigie_server.domain.facility_report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Paragraph,
    Section,
    Table,
    Tone,
)
from vigie_server.domain.facility_report.telling_parts import cover_of_making, glossary
from vigie_server.domain.facility_report.typography import day, told
from vigie_server.domain.facility_report.words import Words
from vigie_server.domain.maturity import LEVELS

WEAKEST: Final = 5
"""Questions told as the least advanced."""


def spread_told_in(report: RollUpReport, language: str) -> Document:
    """The whole report."""
    words = Words(language)
    name = told(report.name)
    label = "cover.body" if report.kind is Kind.BODY else "cover.region"
    return Document(
        language=language,
        made_at=int(report.making.at.timestamp()),
        title=words(f"title.{report.kind}"),
        subject=name,
        cover=(
            (words(label), name),
            (words("cover.sites"), str(report.sites)),
            *cover_of_making(report.period, report.making, words),
        ),
        running=words("running", name=name, day=day(report.making.at, language)),
        page=words("page"),
        contents="",
        sections=(
            Section("spread", 1, words("spread"), tuple(_spread(report, words)), new_page=True),
            Section(
                "method",
                1,
                words("method"),
                (Paragraph(words("method.how")), Paragraph(words("method.spread"))),
            ),
            glossary(words),
        ),
    )


def _spread(report: RollUpReport, words: Words) -> list[Block]:
    head = (
        words("head.question"),
        words("head.none"),
        *(words("level", level=level) for level in (0, *LEVELS)),
        words("head.up"),
        words("head.down"),
    )
    rows = tuple(
        (
            Cell(f"{spread.question}. {words.of(spread.title)}"),
            *(_count(spread.levels.get(level, 0)) for level in (None, 0, *LEVELS)),
            _count(spread.up),
            _count(spread.down),
        )
        for spread in report.spreads
    )
    blocks: list[Block] = [
        Paragraph(words("spread.said", sites=report.sites)),
        Table(words("spread"), head, rows, (34, 12, 7, 7, 7, 7, 7, 10, 10)),
    ]
    weak = [spread for spread in sorted(report.spreads, key=_weakness) if _behind(spread)]
    if weak:
        blocks += [
            Paragraph(words("spread.weakest"), kind="label"),
            Bullets(
                tuple(
                    words(
                        "spread.weak",
                        title=f"{spread.question}. {words.of(spread.title)}",
                        count=_behind(spread),
                        sites=str(report.sites),
                    )
                    for spread in weak[:WEAKEST]
                )
            ),
        ]
    return blocks


def _behind(spread: Spread) -> int:
    return spread.levels.get(None, 0) + spread.levels.get(0, 0)


def _weakness(spread: Spread) -> tuple[int, int]:
    return -_behind(spread), spread.question


def _count(number: int) -> Cell:
    return Cell(str(number), Tone.PLAIN if number else Tone.QUIET)
