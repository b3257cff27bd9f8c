"""A site's incident log ("main courante"): entries that follow one another, bound by digests.

Each digest covers the entry and the digest before it: whoever changes, removes or inserts an entry
would have to write every later one anew. What the chain alone cannot show, entries cut off at its
end, shows against a digest that was noted elsewhere: in the audit, or on a printed export.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.spreadsheets import formula_safe

LONGEST_ENTRY: Final = 10_000
LONGEST_PERSON: Final = 255
DIGEST_BYTES: Final = 32
AHEAD: Final = timedelta(minutes=5)
"""What a person's clock may be ahead of the server's."""
BEGINNING: Final = b""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEADINGS: Final = {
    "fr": (
        "N°",
        "Date et heure (UTC)",
        "Personne",
        "Action ou événement",
        "Saisi (UTC)",
        "Empreinte",
    ),
    "en": ("No.", "Date and time (UTC)", "Person", "Action or event", "Recorded (UTC)", "Digest"),
}


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What a person notes: who acted or informed, and what was done or happened, when."""

    happened_at: datetime
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in the log of a site."""

    number: int
    happened_at: datetime
    recorded_at: datetime
    person: str
    text: str
    digest: bytes


def checked(given: NewEntry, *, now: datetime) -> NewEntry:
    """The entry as it is recorded. Raises DeclarationRefused."""
    person, text = given.person.strip(), given.text.strip()
    if not 1 <= len(person) <= LONGEST_PERSON:
        raise DeclarationRefused("person: who acts or informs must be named")
    if not 1 <= len(text) <= LONGEST_ENTRY:
        raise DeclarationRefused(
            f"text: what was done or happened, up to {LONGEST_ENTRY} characters"
        )
    if given.happened_at > now + AHEAD:
        raise DeclarationRefused("happened_at: is in the future")
    return NewEntry(given.happened_at, person, text)


def digest_of(
    before: bytes, site: str, number: int, given: NewEntry, recorded_at: datetime
) -> bytes:
    """The digest of an entry that follows the entry of the digest `before`."""
    content = json.dumps(
        [
            before.hex(),
            site,
            number,
            _microseconds(given.happened_at),
            _microseconds(recorded_at),
            given.person,
            given.text,
        ],
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return blake2b(content.encode("ascii"), digest_size=DIGEST_BYTES).digest()


def broken_at(site: str, entries: Iterable[Entry]) -> int | None:
    """The number of the first entry that is not as it was recorded; None when all are."""
    before = BEGINNING
    for place, entry in enumerate(entries, start=1):
        given = NewEntry(entry.happened_at, entry.person, entry.text)
        if entry.number != place or entry.digest != digest_of(
            before, site, entry.number, given, entry.recorded_at
        ):
            return place
        before = entry.digest
    return None


def as_csv(entries: Sequence[Entry], language: str = "fr") -> str:
    """The log for a spreadsheet, with headings; no cell is taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language == "fr" else ",", lineterminator="\r\n")
    writer.writerow(_HEADINGS[language])
    for entry in entries:
        cells = (
            str(entry.number),
            _day_and_hour(entry.happened_at),
            entry.person,
            entry.text,
            _day_and_hour(entry.recorded_at),
            entry.digest.hex(),
        )
        writer.writerow([formula_safe(cell) for cell in cells])
    return text.getvalue()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _day_and_hour(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
