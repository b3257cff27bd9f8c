"""The report of a facility, told in one language: its sections, and what stands in them."""

from collections.abc import Sequence
from typing import Final

from vigie_server.domain.facility_report.content import Currency, Risk, SiteReport
from vigie_server.domain.facility_report.document import (
    Block,
    Bullets,
    Cell,
    Document,
    Fields,
    Paragraph,
    Section,
    Table,
    Tone,
)
from vigie_server.domain.facility_report.telling_incident import in_an_incident
from vigie_server.domain.facility_report.telling_parts import (
    cover_of_making,
    glossary,
    level_cell,
    move_text,
    names_text,
    sentence,
)
from vigie_server.domain.facility_report.telling_questions import question_sections
from vigie_server.domain.facility_report.telling_records import (
    incidents,
    method,
    risky,
    waivers,
)
from vigie_server.domain.facility_report.typography import NAME, day, told
from vigie_server.domain.facility_report.words import Words

FIRST: Final = 6
"""Things to do on the page for the director."""
URGENT: Final = 5
"""Devices that one of them names."""


def told_in(report: SiteReport, language: str) -> Document:
    """The whole report."""
    words = Words(language)
    site = report.site
    name = told(site.name)
    cover = [
        (words("cover.site"), name),
        (words("cover.finess"), site.finess or words("not.declared")),
        (words("cover.body"), told(site.body) or words("not.declared")),
        (words("cover.region"), told(report.region) or words("not.declared")),
        *cover_of_making(report.period, report.making, words),
    ]
    return Document(
        language=language,
        made_at=int(report.making.at.timestamp()),
        title=words("title.site"),
        subject=name,
        cover=tuple(cover),
        running=words("running", name=name, day=day(report.making.at, language)),
        page=words("page"),
        contents=words("contents"),
        sections=(
            _summary(report, words),
            Section("questions", 1, words("questions"), (), new_page=True),
            *question_sections(report.questions, words),
            risky(report, words),
            waivers(report, words),
            _plan(report, words),
            incidents(report, words),
            in_an_incident(report, words),
            method(report, words),
            glossary(words),
        ),
    )


def _summary(report: SiteReport, words: Words) -> Section:
    levels = [part.level for part in report.questions if part.level is not None]
    lowest = f"N{min(levels)}" if levels else words("nothing")
    said = words(
        "summary.said",
        assessed=len(levels),
        lowest=lowest,
        risky=len(report.risky) + report.more_risky,
    )
    blocks: list[Block] = [
        Paragraph(said),
        Fields(_figures(report, words)),
        Table(
            words("summary.levels"),
            tuple(words(f"head.{name}") for name in ("question", "level", "period", "year")),
            tuple(
                (
                    Cell(f"{part.question}. {words.of(part.title)}"),
                    level_cell(part.level, words),
                    Cell(move_text(part.period, words)),
                    Cell(move_text(part.year, words)),
                )
                for part in report.questions
            ),
            (50, 12, 20, 18),
        ),
        Paragraph(words("first"), kind="label"),
    ]
    first = (*_urgent(report, words), *(sentence(step.words, words) for step in report.plan))
    blocks.append(Bullets(first[:FIRST], ordered=True) if first else Paragraph(words("first.none")))
    if report.plan:
        blocks.append(Paragraph(words("first.more", count=len(report.plan)), Tone.QUIET))
    return Section("summary", 1, words("summary"), tuple(blocks), new_page=True)


def _figures(report: SiteReport, words: Words) -> tuple[tuple[str, str], ...]:
    found = report.measured
    followed = (
        words("summary.undeclared", counted=str(found.counted))
        if found.declared is None
        else words("summary.of", counted=str(found.counted), declared=str(found.declared))
    )
    expiring = {
        (one.item, one.group)
        for part in report.questions
        for one in part.attested
        if one.currency is not Currency.IN_FORCE
    }
    return (
        (words("summary.devices"), followed),
        (words("summary.unknown"), words("share", percent=str(found.unknown_percent))),
        (words("summary.expiring"), str(len(expiring))),
    )


def _urgent(report: SiteReport, words: Words) -> Sequence[str]:
    """What goes before any plan: devices that are gone, then those that fail what is critical."""
    gone, critical = [], []
    for device in report.risky:
        name = told(device.hostname, longest=NAME) or device.id
        if {Risk.LOST, Risk.STOLEN}.intersection(device.risks):
            gone.append(name)
        elif Risk.CRITICAL in device.risks:
            critical.append(name)
    texts = []
    if gone:
        texts.append(words("first.lost", names=names_text(gone, words, most=URGENT)))
    if critical:
        names = names_text(critical, words, most=URGENT)
        texts.append(words("first.critical", count=len(critical), names=names))
    return texts


def _plan(report: SiteReport, words: Words) -> Section:
    if not report.plan:
        blocks: tuple[Block, ...] = (Paragraph(words("plan.none")),)
    else:
        rows = tuple(
            (
                Cell(str(number)),
                Cell(sentence(step.words, words)),
                Cell(", ".join(str(question) for question in step.questions)),
                Cell(""),
                Cell(""),
            )
            for number, step in enumerate(report.plan, start=1)
        )
        columns = ("number", "action", "serves", "who", "due")
        head = tuple(words(f"head.{column}") for column in columns)
        blocks = (
            Paragraph(words("plan.about")),
            Table(words("plan"), head, rows, (6, 57, 12, 13, 12)),
        )
    return Section("plan", 1, words("plan"), blocks, new_page=True)
