"""What several parts of a report tell alike."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.content import Currency, Making, Move, Period, Trend
from vigie_server.domain.facility_report.document import Cell, Fields, Section, Tone
from vigie_server.domain.facility_report.typography import NAME, day, told
from vigie_server.domain.facility_report.words import GLOSSARY, Words

SENTENCE: Final = 2000
"""Characters of a sentence that the server made."""
NAMED: Final = 20
"""Devices that a line names."""
CURRENCY_TONE: Final = {
    Currency.IN_FORCE: Tone.PLAIN,
    Currency.DUE_SOON: Tone.WARN,
    Currency.EXPIRED: Tone.BAD,
}
_LEVEL_TONE: Final = {None: Tone.QUIET, 0: Tone.BAD, 1: Tone.WARN, 2: Tone.PLAIN}


def sentence(texts: Texts, words: Words) -> str:
    """A sentence from the store, with its first letter large."""
    text = told(words.of(texts), longest=SENTENCE)
    return text[:1].upper() + text[1:]


def level_text(level: int | None, words: Words) -> str:
    """`N2`, or that it is not assessed."""
    return words("level.none") if level is None else words("level", level=level)


def level_cell(level: int | None, words: Words) -> Cell:
    """A level in a table."""
    return Cell(level_text(level, words), _LEVEL_TONE.get(level, Tone.GOOD))


def move_text(move: Move, words: Words) -> str:
    """How a level moved."""
    if not move.known:
        return words("trend.unknown")
    if move.trend in {Trend.UP, Trend.DOWN}:
        return words(f"trend.{move.trend}", then=level_text(move.then, words))
    return words(f"trend.{move.trend}")


def expiry_cell(currency: Currency, text: str, words: Words) -> Cell:
    """Until when something counts."""
    return Cell(words(f"currency.{currency}", day=text), CURRENCY_TONE[currency])


def names_text(names: Sequence[str], words: Words, *, most: int = NAMED) -> str:
    """Names, a few of them at most."""
    shown = ", ".join(told(name, longest=NAME) for name in names[:most])
    more = len(names) - most
    return words("names.more", names=shown, count=more) if more > 0 else shown


def cover_of_making(period: Period, making: Making, words: Words) -> Sequence[tuple[str, str]]:
    """The fields of a cover that every report has."""
    return (
        (words("cover.period"), period_text(period, words)),
        (words("cover.made"), moment_text(making.at, words)),
        (words("cover.author"), told(making.author) or words("by.server")),
        (words("cover.software"), f"Vigie {making.version}"),
    )


def moment_text(at: datetime | None, words: Words) -> str:
    """The day and minute of an instant (UTC)."""
    if at is None:
        return words("nothing")
    return words("at", day=day(at, words.language), hour=f"{at.astimezone(UTC):%H:%M}")


def period_text(period: Period, words: Words) -> str:
    """From which day to which, the last one included."""
    language = words.language
    last = period.until - timedelta(microseconds=1)
    return words("period", since=day(period.since, language), until=day(last, language))


def glossary(words: Words) -> Section:
    """A few words, explained."""
    rows = tuple((words.of(term), words.of(text)) for term, text in GLOSSARY)
    return Section("glossary", 1, words("glossary"), (Fields(rows, kind="terms"),))
