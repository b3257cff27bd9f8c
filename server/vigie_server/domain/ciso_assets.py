"""Devices as assets in the CSV that CISO Assistant's data wizard imports (read at 3.20.8).

A device is a support asset. Its reference is its id here, so that the same device has the same one
in each file; its domain is its site.
"""

import csv
from collections.abc import Iterable
from typing import Final, TextIO

from vigie_server.domain.glpi_inventory import Machine
from vigie_server.domain.spreadsheets import formula_safe

COLUMNS: Final = ("ref_id", "name", "type", "domain", "description", "filtering_labels")
TYPE: Final = "SP"
LABEL: Final = "vigie"


def assets_written(machines: Iterable[Machine], to: TextIO) -> int:
    """Writes a row for each device; how many. No cell is a formula."""
    rows = csv.writer(to, lineterminator="\n")
    rows.writerow(COLUMNS)
    count = 0
    for machine in machines:
        name = machine.hostname or machine.serial or machine.id
        cells = (machine.id, name, TYPE, machine.site, _described(machine), LABEL)
        rows.writerow([formula_safe(cell) for cell in cells])
        count += 1
    return count


def _described(machine: Machine) -> str:
    make = f"{machine.vendor} {machine.model}".strip()
    system = f"{machine.os} {machine.os_version}".strip()
    return ", ".join(part for part in (make, machine.serial, system) if part)
