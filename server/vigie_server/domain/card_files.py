"""Asset cards as CSV files: written for a spreadsheet, and read as spreadsheets write them.

A file is taken whole or not at all; every wrong row is told, with its line, its column and what to
do. A row names its device by id, serial number or name, the first of these that it gives. An empty
cell leaves what is known, `-` takes it away.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vigie_server.domain.cards import FIELDS, Card, Cell, cell_in
from vigie_server.domain.csv_files import csv_rows, csv_text
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.plurals import counted
from vigie_server.domain.spreadsheets import formula_safe, without_guard
from vigie_server.domain.suggesting import folded, meant

MOST_FAULTS: Final = 500
CLEAR: Final = "-"

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("Identifiant", "Id", "Device", "Device id", "Identifiant du poste"),
    "serial": ("Numéro de série", "Serial", "Serial number", "N° de série", "No de série"),
    "hostname": ("Nom", "Hostname", "Name", "Nom du poste", "Poste"),
}
_SHOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {"site": "Site", "id": "Identifiant", "serial": "Numéro de série", "hostname": "Nom"},
    "en": {"site": "Site", "id": "Id", "serial": "Serial number", "hostname": "Hostname"},
}
_DELIMITERS: Final = {"fr": ";", "en": ","}


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that a row may name. One that is retired is found by its id alone."""

    id: str
    site: str
    serial: str
    hostname: str
    retired: bool = False


@dataclass(slots=True)
class Faults:
    """What is wrong in a file, cell by cell."""

    found: list[dict[str, str | int]] = field(default_factory=list)

    def add(self, line: int, column: str, problem: str) -> None:
        """One more: of the row, where no column is named."""
        self.found.append({"line": line, "column": column, "problem": problem})

    def told(self) -> DeclarationRefused:
        """The refusal of the whole file."""
        first = self.found[0]
        count = len(self.found)
        return DeclarationRefused(
            f"nothing was imported, {counted(count, 'cell or row is|cells or rows are')} wrong; "
            "the first: line "
            f"{first['line']}, {first['column'] or 'the row'}: {first['problem']}",
            self.found[:MOST_FAULTS],
        )


def cards_read(
    content: bytes, devices: Iterable[KnownDevice]
) -> Mapping[str, Mapping[str, Cell | None]]:
    """What to change of each device's card, by its id. Raises DeclarationRefused with `faults`."""
    faults = Faults()
    rows = csv_rows(csv_text(content), _known_headings())
    line, headings = next(rows, (1, []))
    columns = _columns(line, headings, faults)
    if faults.found:
        raise faults.told()
    finder = _Finder(devices)
    changes: dict[str, Mapping[str, Cell | None]] = {}
    lines: dict[str, int] = {}
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            faults.add(line, "", f"it has {len(cells)} cells, the header {len(columns)}")
            continue
        by_column = dict(zip(columns, map(without_guard, cells), strict=False))
        device_id = finder.named(line, by_column, headings, columns, faults)
        changed = _changed(line, by_column, dict(zip(columns, headings, strict=True)), faults)
        if device_id is None:
            continue
        if device_id in lines:
            faults.add(line, "", f"line {lines[device_id]} is about this device too: keep one")
            continue
        lines[device_id] = line
        changes[device_id] = changed
    if faults.found:
        raise faults.told()
    return changes


def cards_written(cards: Iterable[tuple[KnownDevice, Card]], *, language: str) -> bytes:
    """The file of the cards, in UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=_DELIMITERS[language], lineterminator="\r\n")
    shown = _SHOWN[language]
    names = [known.fr if language == "fr" else known.en for known in FIELDS.values()]
    writer.writerow([*shown.values(), *names])
    for device, card in cards:
        row = [device.site, device.id, device.serial, device.hostname]
        row += [cell_in(language, name, card.cells.get(name, "")) for name in FIELDS]
        writer.writerow([formula_safe(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _known_headings() -> Mapping[str, str]:
    known = {folded(said): name for name, all_said in _KEYS.items() for said in (name, *all_said)}
    for name, card_field in FIELDS.items():
        known |= dict.fromkeys(map(folded, (name, card_field.fr, card_field.en)), name)
    known[folded("site")] = "site"
    return known


def _columns(line: int, headings: Sequence[str], faults: Faults) -> list[str]:
    known = _known_headings()
    columns: list[str] = []
    for number, heading in enumerate(headings, 1):
        name = known.get(folded(heading))
        if name is None and heading.strip():
            told = [card_field.fr for card_field in FIELDS.values()]
            told += [said for all_said in _KEYS.values() for said in all_said]
            near = meant(heading, told) or ": an export has them all"
            faults.add(line, heading, f"it is no known column{near}")
        elif name is not None and name in columns:
            faults.add(line, heading, "the column is there twice")
        columns.append(name or f"({number})")
    if not faults.found and not _KEYS.keys() & set(columns):
        faults.add(
            line,
            "",
            "the first line names the columns: Identifiant, Numéro de série or Nom, and others",
        )
    return columns


def _changed(
    line: int, cells: Mapping[str, str], headings: Mapping[str, str], faults: Faults
) -> Mapping[str, Cell | None]:
    changed: dict[str, Cell | None] = {}
    for name, known in FIELDS.items():
        cell = cells.get(name, "").strip()
        if cell == CLEAR:
            changed[name] = None
        elif cell:
            try:
                changed[name] = known.read(cell)
            except ValueError as error:
                faults.add(line, headings[name], str(error))
    return changed


class _Finder:
    """Finds the one device that a row names."""

    def __init__(self, devices: Iterable[KnownDevice]) -> None:
        self._ids: dict[str, str] = {}
        by: dict[str, defaultdict[str, list[str]]] = {
            "serial": defaultdict(list),
            "hostname": defaultdict(list),
        }
        for device in devices:
            self._ids[device.id.casefold()] = device.id
            if not device.retired:
                by["serial"][device.serial.strip().casefold()].append(device.id)
                by["hostname"][device.hostname.strip().casefold()].append(device.id)
        self._by = by

    def named(
        self,
        line: int,
        cells: Mapping[str, str],
        headings: Sequence[str],
        columns: Sequence[str],
        faults: Faults,
    ) -> str | None:
        for key in _KEYS:
            given = cells.get(key, "").strip()
            if not given:
                continue
            heading = headings[columns.index(key)]
            if key == "id":
                found = [self._ids[given.casefold()]] if given.casefold() in self._ids else []
            else:
                found = self._by[key].get(given.casefold(), [])
            if len(found) == 1:
                return found[0]
            if found:
                faults.add(
                    line, heading, f"{len(found)} devices have {given!r}: name it by Identifiant"
                )
            else:
                faults.add(line, heading, f"no device {given!r} among the sites that you see")
            return None
        faults.add(line, "", "it names no device: fill Identifiant, Numéro de série or Nom")
        return None
