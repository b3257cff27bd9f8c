"""A site's findings as the results of an audit of CISO Assistant, and its audit as attestations.

Written as CSV with the columns that its data wizard reads, and read as an audit's export has them
(both at 3.20.8). What nobody knows is `not_assessed`: neither program makes it compliant.
"""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from vigie_server.domain.attesting import AttestationCatalogue, NewAttestation, Outcome
from vigie_server.domain.card_files import Faults
from vigie_server.domain.ciso_framework import Requirement
from vigie_server.domain.csv_files import csv_rows, csv_text
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.plurals import counted
from vigie_server.domain.spreadsheets import formula_safe, without_guard
from vigie_server.domain.suggesting import folded
from vigie_server.domain.verdicts import Status

COLUMNS: Final = (
    "urn",
    "assessable",
    "ref_id",
    "name",
    "compliance_result",
    "requirement_progress",
    "observations",
)
COMPLIANT: Final = "compliant"
PARTIALLY: Final = "partially_compliant"
NON_COMPLIANT: Final = "non_compliant"
NOT_APPLICABLE: Final = "not_applicable"
NOT_ASSESSED: Final = "not_assessed"
_OF_STATUS: Final[Mapping[Status, str]] = {
    Status.PASS: COMPLIANT,
    Status.FAIL: NON_COMPLIANT,
    Status.NOT_APPLICABLE: NOT_APPLICABLE,
    Status.UNKNOWN: NOT_ASSESSED,
}
_OF_OUTCOME: Final[Mapping[Outcome, str]] = {
    Outcome.HELD: COMPLIANT,
    Outcome.NOT_HELD: NON_COMPLIANT,
    Outcome.NOT_APPLICABLE: NOT_APPLICABLE,
}
_OUTCOMES: Final[Mapping[str, Outcome]] = {
    COMPLIANT: Outcome.HELD,
    PARTIALLY: Outcome.NOT_HELD,
    NON_COMPLIANT: Outcome.NOT_HELD,
    NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
}
_DONE, _TO_DO = "done", "to_do"
_READ: Final = {folded(name): name for name in ("ref_id", "compliance_result", "observations")}


@dataclass(frozen=True, slots=True)
class Result:
    """What is found of one requirement, and in words why."""

    result: str
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Devices of a site by what one rule says of them; `waived` ones fail, as an accepted risk."""

    passing: int
    failing: int
    waived: int
    unknown: int
    not_applicable: int


_WORDS: Final[Mapping[str, Texts]] = {
    "passing": {
        "fr": "poste conforme|postes conformes",
        "en": "device complies|devices comply",
    },
    "failing": {"fr": "non conforme|non conformes", "en": "does not|do not"},
    "waived": {"fr": "sous dérogation|sous dérogation", "en": "waived|waived"},
    "unknown": {"fr": "indéterminé|indéterminés", "en": "unknown|unknown"},
}


def of_devices(tally: Tally, language: str) -> Result:
    """The result of a rule that is measured on each device."""
    failing = tally.failing + tally.waived
    told = ", ".join(
        counted(count, words[language], language)
        for name, words in _WORDS.items()
        if (count := getattr(tally, name))
    )
    if tally.passing + failing + tally.unknown == 0:
        return Result(NOT_APPLICABLE if tally.not_applicable else NOT_ASSESSED)
    if tally.passing == failing == 0:
        return Result(NOT_ASSESSED, told)
    if tally.passing == 0:
        return Result(NON_COMPLIANT, told)
    return Result(PARTIALLY if failing or tally.unknown else COMPLIANT, told)


def of_site(status: Status, reason: str) -> Result:
    """The result of a rule that is measured on the site."""
    return Result(_OF_STATUS[status], reason)


def of_attestation(outcome: Outcome, told: str) -> Result:
    """The result of what is attested and in force."""
    return Result(_OF_OUTCOME[outcome], told)


def results_written(
    found: Iterable[Requirement], results: Mapping[str, Result], to: TextIO, *, language: str
) -> int:
    """Writes a row for each requirement; how many have a result. No cell is a formula."""
    rows = csv.writer(to, lineterminator="\n")
    rows.writerow(COLUMNS)
    count = 0
    for one in found:
        held = results.get(one.id, Result(NOT_ASSESSED))
        assessed = held.result != NOT_ASSESSED
        count += assessed
        cells = (
            one.urn,
            "True",
            one.id,
            one.title[language],
            held.result,
            _DONE if assessed else _TO_DO,
            held.observation,
        )
        rows.writerow([formula_safe(cell) for cell in cells])
    return count


@dataclass(frozen=True, slots=True)
class AuditRead:
    """What an audit says of what can be attested.

    `lacking` are items that hold and carry a value (a number of days, a per cent), which an audit
    does not tell. `unknown` are neither attested nor measured.
    """

    given: Sequence[NewAttestation]
    lacking: Sequence[str]
    unknown: Sequence[str]


def attestations_read(
    content: bytes, catalogue: AttestationCatalogue, measured: Collection[str], *, author: str
) -> AuditRead:
    """Raises DeclarationRefused, with `faults` where cells are wrong.

    What is measured is passed over, and so is what was not assessed.
    """
    rows = csv_rows(csv_text(content), _READ)
    line, headings = next(rows, (1, []))
    columns = [_READ.get(folded(heading), "") for heading in headings]
    if not {"ref_id", "compliance_result"} <= set(columns):
        raise DeclarationRefused(
            f"line {line}: this is no export of an audit: it has no ref_id and compliance_result"
        )
    faults = Faults()
    given: list[NewAttestation] = []
    lacking: list[str] = []
    unknown: list[str] = []
    for line, row in rows:
        cells = dict(zip(columns, map(without_guard, row), strict=False))
        name, result = cells.get("ref_id", "").strip(), cells.get("compliance_result", "").strip()
        item = catalogue.items.get(name)
        if result in ("", NOT_ASSESSED) or name in measured:
            continue
        outcome = _OUTCOMES.get(result)
        if item is None:
            unknown.append(name)
        elif outcome is None:
            known = ", ".join((*_OUTCOMES, NOT_ASSESSED))
            faults.add(line, "compliance_result", f"{result!r} is none of {known}")
        elif item.value is not None and outcome is Outcome.HELD:
            lacking.append(name)
        else:
            told = " ".join(cells.get("observations", "").split())
            excused = outcome is Outcome.NOT_APPLICABLE
            if excused and not told:
                faults.add(line, "observations", "what does not apply needs a reason: give it here")
            reason, proof = (told, "") if excused else ("", told)
            given.append(NewAttestation(name, outcome, author, reason=reason, document=proof))
    if faults.found:
        raise faults.told()
    return AuditRead(given, lacking, unknown)
