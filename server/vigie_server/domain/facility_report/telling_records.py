"""Devices at risk, waivers, incidents, and how it was measured."""

from vigie_server.domain.facility_report.content import (
    Measured,
    RiskyDevice,
    SiteReport,
    WaiverPart,
)
from vigie_server.domain.facility_report.document import (
    Block,
    Cell,
    Fields,
    Paragraph,
    Section,
    Table,
    Tone,
)
from vigie_server.domain.facility_report.telling_parts import (
    expiry_cell,
    moment_text,
    names_text,
    period_text,
)
from vigie_server.domain.facility_report.typography import NAME, day, told
from vigie_server.domain.facility_report.words import Words
from vigie_server.domain.verdicts import Status


def risky(report: SiteReport, words: Words) -> Section:
    """The devices that a director is told of."""
    about = Paragraph(words("risky.about", days=report.measured.silent_days))
    if not report.risky:
        return Section(
            "risky", 1, words("risky"), (about, Paragraph(words("risky.none"))), new_page=True
        )
    head = tuple(words(f"head.{name}") for name in ("device", "risk", "failed", "since", "last"))
    rows = tuple(_risky(device, words) for device in report.risky)
    blocks: list[Block] = [about, Table(words("risky"), head, rows, (22, 17, 35, 12, 14))]
    if report.more_risky:
        blocks.append(Paragraph(words("risky.more", count=report.more_risky)))
    return Section("risky", 1, words("risky"), tuple(blocks), new_page=True)


def _risky(device: RiskyDevice, words: Words) -> tuple[Cell, ...]:
    rules = " ; " if words.language == "fr" else "; "
    never = device.last_report_at is None
    return (
        Cell(told(device.hostname, longest=NAME) or device.id),
        Cell(", ".join(words(f"risk.{risk}") for risk in device.risks), Tone.BAD),
        Cell(words.own(rules.join(words.of(title) for title in device.rules)) or words("nothing")),
        Cell(day(device.failing_since, words.language)),
        Cell(words("never") if never else day(device.last_report_at, words.language)),
    )


def waivers(report: SiteReport, words: Words) -> Section:
    """The risks that were accepted."""
    if not report.waivers:
        return Section("waivers", 1, words("waivers"), (Paragraph(words("waivers.none")),))
    head = tuple(
        words(f"head.{name}") for name in ("waiver", "why", "by", "granted", "expires", "devices")
    )
    rows = tuple(_waiver(waiver, words) for waiver in report.waivers)
    return Section(
        "waivers",
        1,
        words("waivers"),
        (
            Paragraph(words("waivers.about")),
            Table(words("waivers"), head, rows, (20, 22, 18, 11, 13, 16)),
        ),
    )


def _waiver(waiver: WaiverPart, words: Words) -> tuple[Cell, ...]:
    names = names_text(waiver.devices, words)
    devices = words("waiver.devices", count=str(len(waiver.devices)), names=names)
    if waiver.reopened:
        devices = words("waiver.reopened", devices=devices, count=waiver.reopened)
    by = words("waiver.by", author=told(waiver.author), approver=told(waiver.approver))
    return (
        Cell(words.of(waiver.title)),
        Cell(told(waiver.reason)),
        Cell(by),
        Cell(day(waiver.at, words.language)),
        expiry_cell(waiver.currency, day(waiver.expires_at, words.language), words),
        Cell(devices),
    )


def incidents(report: SiteReport, words: Words) -> Section:
    """The incident log in numbers."""
    log = report.incidents
    said = words("incidents.none")
    if log.entries:
        said = words(
            "incidents.said",
            entries=log.entries,
            recent=str(log.in_period),
            day=day(log.last_at, words.language),
        )
        if log.intact:
            said += " " + words("incidents.intact")
    blocks: tuple[Block, ...] = (Paragraph(said),)
    if not log.intact:
        blocks = (*blocks, Paragraph(words("incidents.broken"), Tone.BAD))
    return Section("incidents", 1, words("incidents"), blocks)


def method(report: SiteReport, words: Words) -> Section:
    """How it was measured, with what is not known said plainly."""
    found = report.measured
    return Section(
        "method",
        1,
        words("method"),
        (
            Paragraph(words("method.how")),
            Fields(tuple(_figures(report, words))),
            *(Paragraph(text, Tone.WARN) for text in _unknowns(found, words)),
        ),
    )


def _figures(report: SiteReport, words: Words) -> list[tuple[str, str]]:
    found = report.measured
    language = words.language
    declared = words("not.declared") if found.declared is None else str(found.declared)
    assessed = moment_text(found.assessed_at, words)
    rows = [
        (words("method.period"), period_text(report.period, words)),
        (words("method.state"), moment_text(report.making.at, words)),
        (words("method.assessed"), assessed),
        (words("method.kept"), day(found.kept_since, language)),
        (words("method.declared"), declared),
        (words("method.counted"), str(found.counted)),
    ]
    if found.declared:
        share = words(
            "share.of",
            percent=str(min(100, 100 * found.counted // found.declared)),
            counted=str(found.counted),
            declared=str(found.declared),
        )
        rows.append((words("method.coverage"), share))
    rows.append((words("method.heard"), str(found.heard)))
    if found.pending:
        rows.append((words("method.pending"), str(found.pending)))
    if found.quarantined:
        rows.append((words("method.quarantined"), str(found.quarantined)))
    counts = words(
        "method.counts",
        passing=str(found.verdicts[Status.PASS]),
        failing=str(found.verdicts[Status.FAIL]),
        waived=str(found.waived),
        unknown=str(found.verdicts[Status.UNKNOWN]),
        beside=str(found.verdicts[Status.NOT_APPLICABLE]),
    )
    rows.append((words("method.verdicts"), counts))
    rows.append((words("method.share"), words("share", percent=f"{100 * found.share:g}")))
    return rows


def _unknowns(found: Measured, words: Words) -> list[str]:
    texts = []
    if found.declared is None:
        texts.append(words("method.undeclared"))
    elif found.declared > found.counted:
        texts.append(words("method.absent", count=found.declared - found.counted))
    if found.unknown_percent:
        texts.append(words("method.unknown", percent=str(found.unknown_percent)))
    return texts
