"""What GLPI knows of computers, for asset cards: the CSV that its list of computers exports.

Columns are found by the names of GLPI 10 in French or English; those of its financial information
may carry the group's name before theirs. All other columns are left alone. A row is a device here
by its serial number, or else by its name; rows and devices that the other side lacks are told: each
is a computer that nobody watches, or that no inventory knows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.card_files import Faults, KnownDevice
from vigie_server.domain.cards import FIELDS, Card, Cell
from vigie_server.domain.csv_files import csv_rows, csv_text
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.suggesting import folded

_NAME: Final = "name"
_SERIAL: Final = "serial"
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    _NAME: ("Nom", "Name"),
    _SERIAL: ("Numéro de série", "Serial number"),
    "place": ("Lieu", "Location"),
}
_FINANCIAL: Final[Mapping[str, tuple[str, ...]]] = {
    "supplier": ("Fournisseur", "Supplier"),
    "purchased_at": ("Date d'achat", "Date of purchase"),
    "warranty_ends_at": ("Date d'expiration de la garantie", "Warranty expiration date"),
}
_BY_HEADING: Final = {
    folded(heading): column
    for columns in (_OWN, _FINANCIAL)
    for column, headings in columns.items()
    for heading in headings
}
_BEFORE_NAME: Final = " - "
_DAY_FIRST: Final = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class GlpiRead:
    """A file as it was read: what it says of each device's card, by the device's id.

    `rows` computers are in it. `unknown` of them are no device here, `unclear` may be several.
    `missing` are devices here that are none of its rows.
    """

    rows: int
    found: Mapping[str, Mapping[str, Cell]]
    unknown: Sequence[str]
    unclear: Sequence[str]
    missing: Sequence[KnownDevice]


def glpi_read(content: bytes, devices: Iterable[KnownDevice]) -> GlpiRead:
    """Raises DeclarationRefused, with `faults` where cells are wrong: then nothing is taken."""
    known = [device for device in devices if not device.retired]
    rows = csv_rows(csv_text(content), _BY_HEADING)
    _, headings = next(rows, (1, []))
    places = _places(headings)
    lookup = _Lookup(known)
    faults = Faults()
    found: dict[str, dict[str, Cell]] = {}
    unknown: list[str] = []
    unclear: list[str] = []
    count = 0
    for line, row in rows:
        cells = {name: row[at].strip() for name, at in places.items() if at < len(row)}
        if not cells.get(_NAME) and not cells.get(_SERIAL):
            continue
        count += 1
        devices_meant = lookup.meant(cells)
        called = cells.get(_NAME) or cells[_SERIAL]
        if not devices_meant:
            unknown.append(called)
        elif len(devices_meant) > 1 or devices_meant[0] in found:
            unclear.append(called)
        else:
            found[devices_meant[0]] = _card_cells(line, cells, headings, places, faults)
    if faults.found:
        raise faults.told()
    missing = [device for device in known if device.id not in found]
    return GlpiRead(count, found, unknown, unclear, missing)


def to_fill(card: Card, cells: Mapping[str, Cell]) -> Mapping[str, Cell]:
    """Those of the cells that the card says nothing of."""
    return {name: cell for name, cell in cells.items() if not card.cells.get(name)}


class _Lookup:
    def __init__(self, devices: Sequence[KnownDevice]) -> None:
        self._by_serial: defaultdict[str, list[str]] = defaultdict(list)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for device in devices:
            self._by_serial[device.serial.strip().casefold()].append(device.id)
            self._by_name[device.hostname.strip().casefold()].append(device.id)

    def meant(self, cells: Mapping[str, str]) -> Sequence[str]:
        for column, known in ((_SERIAL, self._by_serial), (_NAME, self._by_name)):
            given = cells.get(column, "").casefold()
            if given and given in known:
                return known[given]
        return ()


def _places(headings: Sequence[str]) -> Mapping[str, int]:
    """Where each column is; the first of several of one name."""
    places: dict[str, int] = {}
    for at, heading in enumerate(headings):
        column = _BY_HEADING.get(folded(heading))
        if column is None and _BEFORE_NAME in heading:
            column = _BY_HEADING.get(folded(heading.rpartition(_BEFORE_NAME)[2]))
            column = column if column in _FINANCIAL else None
        if column is not None:
            places.setdefault(column, at)
    if _NAME not in places and _SERIAL not in places:
        raise DeclarationRefused(
            "this is no list of computers of GLPI: its first line has neither « Nom » nor "
            "« Numéro de série » (in English: Name, Serial number)"
        )
    return places


def _card_cells(
    line: int,
    cells: Mapping[str, str],
    headings: Sequence[str],
    places: Mapping[str, int],
    faults: Faults,
) -> dict[str, Cell]:
    read: dict[str, Cell] = {}
    for name, text in cells.items():
        known = FIELDS.get(name)
        if known is None or not text:
            continue
        try:
            read[name] = known.read(_iso(text) if known.is_day else text)
        except ValueError as error:
            faults.add(line, headings[places[name]], str(error))
    return read


def _iso(text: str) -> str:
    """The day in ISO, of GLPI's formats. Raises ValueError for the one with the month first."""
    found = _DAY_FIRST.fullmatch(text)
    if found is None:
        return text
    day, month, year = found.groups()
    if int(month) > _MONTHS:
        raise ValueError(
            f"{text!r} has the month first: choose YYYY-MM-DD in GLPI's preferences, "
            "and export again"
        )
    return f"{year}-{month}-{day}"
