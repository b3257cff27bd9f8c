"""The part of a site's inventories that devices report, as CSV that a spreadsheet opens safely.

A cell that a spreadsheet would take for a formula begins with an apostrophe: names of software and
accounts are data of devices, whatever they hold.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Final

from vigie_server.domain.facts import Cell
from vigie_server.domain.spreadsheets import formula_safe
from vigie_server.domain.topics import Topic
from vigie_server.ports.maturity import DeviceAnswer, Inventories, WrittenInventory
from vigie_server.services.device_records import content_of, fact_of

_HEAD: Final = ("device", "device_name", "platform", "observed_on")


TOPICS: Final[Mapping[WrittenInventory, str]] = {
    WrittenInventory.EQUIPMENT: "inventory",
    WrittenInventory.SOFTWARE: "software",
    WrittenInventory.ACCOUNTS: "accounts",
}


@dataclass(frozen=True, slots=True)
class GeneratedInventory:
    """Writes an inventory from stored evidence, a device after another."""

    store: Inventories
    topics: Mapping[str, Topic]

    def csv(self, site: str, what: WrittenInventory) -> Iterator[str]:
        """The file, line by line. Raises NotFound before the first line."""
        topic = self.topics[TOPICS[what]]
        answers = self.store.answers(site, topic.name)
        columns = tuple(topic.columns)
        return self._lines(topic, columns, answers)

    def _lines(
        self, topic: Topic, columns: tuple[str, ...], answers: Iterator[DeviceAnswer]
    ) -> Iterator[str]:
        yield _line((*_HEAD, *columns))
        for answer in answers:
            head = (
                answer.device,
                answer.hostname,
                answer.platform,
                f"{answer.observed_at:%Y-%m-%d}",
            )
            fact = fact_of(topic, content_of(answer.form), answer.observed_at)
            # Told, so that a device without rows is not one without software.
            if fact.status != "ok":
                failed: dict[str, Cell] = {"collected": False, "why": fact.message or fact.status}
                yield _line((*head, *(_cell(failed.get(column)) for column in columns)))
            for row in fact.rows:
                yield _line((*head, *(_cell(row.get(column)) for column in columns)))


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _line(cells: tuple[str, ...]) -> str:
    written = StringIO()
    csv.writer(written).writerow([_safe(cell) for cell in cells])
    return written.getvalue()


def _safe(cell: str) -> str:
    """The cell without what no spreadsheet reads, and never a formula."""
    return formula_safe(cell.encode("utf-8", "replace").decode("utf-8").replace("\0", ""))
