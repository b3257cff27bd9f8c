"""Devices written as copies of one that was judged: what the store holds of it, under other names.

The devices of a fleet that show one recording differ in their names alone before anything happens
to them, and so do their verdicts. Judging takes milliseconds a device, copying a fraction of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table

from vigie_server.simulator.naming import Words, replaced
from vigie_server.store.database import Database
from vigie_server.store.models import EvidenceRow, SnapshotRow, TransitionRow, VerdictRow
from vigie_server.store.tables import table
from vigie_server.store.verdict_rows import digest_of_cells

EVIDENCE, SNAPSHOT = table(EvidenceRow), table(SnapshotRow)
VERDICT, TRANSITION = table(VerdictRow), table(TransitionRow)

_DEVICE: Final = "device_key"
Cells = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A topic's answer as the store holds it."""

    digest: bytes
    packed: bytes


@dataclass(frozen=True, slots=True)
class Copy:
    """A device that is to be as the pattern, but for this."""

    key: int
    spool_id: bytes
    words: Words
    own: Mapping[str, Content]
    """By topic: the answers that name the device."""


class Pattern:
    """What the store holds of a judged device whose names are `words`."""

    def __init__(self, database: Database, key: int, words: Words) -> None:
        self._words = words
        self._database = database
        self._rows: dict[str, list[Cells]] = {}
        with database.reading() as connection:
            for of in (EVIDENCE, SNAPSHOT, VERDICT, TRANSITION):
                sql = f"SELECT {', '.join(_columns(of))} FROM {of.name} WHERE {_DEVICE} = ?"  # noqa: S608 (our own names)
                found = connection.exec_driver_sql(database.sql(sql), (key,))
                self._rows[of.name] = [tuple(row) for row in found]
        self._naming = {
            of.name: [self._places_of_names(cells) for cells in self._rows[of.name]]
            for of in (VERDICT, TRANSITION)
        }
        """Which cells name the device: few do, and a fleet is copied cell by cell."""

    def write(self, connection: Connection, copies: Sequence[Copy]) -> None:
        """Writes what the store is to hold of the copies, whose own rows are there."""
        for of in (EVIDENCE, SNAPSHOT, VERDICT, TRANSITION):
            columns = _columns(of)
            places = ", ".join("?" * (len(columns) + 1))
            sql = f"INSERT INTO {of.name} ({_DEVICE}, {', '.join(columns)}) VALUES ({places})"  # noqa: S608 (our own names)
            rows = [
                (copy.key, *cells) for copy in copies for cells in self._copied(of, columns, copy)
            ]
            connection.exec_driver_sql(self._database.sql(sql), rows)

    def _places_of_names(self, cells: Cells) -> Sequence[int]:
        return [
            place
            for place, cell in enumerate(cells)
            if isinstance(cell, str) and any(word in cell for word in self._words)
        ]

    def _named_otherwise(
        self, of: Table, columns: Sequence[str], cells: Cells, naming: Sequence[int], copy: Copy
    ) -> Cells:
        changed = list(cells)
        for place in naming:
            changed[place] = replaced(changed[place], self._words, copy.words)
        if of is VERDICT:
            held = dict(zip(columns, changed, strict=True))
            changed[columns.index("digest")] = digest_of_cells(held)
        return tuple(changed)

    def _copied(self, of: Table, columns: Sequence[str], copy: Copy) -> Sequence[Cells]:
        if of is VERDICT or of is TRANSITION:
            return [
                self._named_otherwise(of, columns, cells, naming, copy) if naming else cells
                for cells, naming in zip(self._rows[of.name], self._naming[of.name], strict=True)
            ]
        topic, digest = columns.index("topic"), columns.index("digest")
        found = []
        for cells in self._rows[of.name]:
            changed = list(cells)
            own = copy.own.get(cells[topic])
            if own is not None:
                changed[digest] = own.digest
            if of is EVIDENCE:
                changed[columns.index("spool_id")] = copy.spool_id
                if own is not None:
                    changed[columns.index("content")] = own.packed
            found.append(tuple(changed))
        return found


def _columns(of: Table) -> list[str]:
    """A table's columns, but for the device and a key of its own."""
    return [column.name for column in of.columns if column.name not in {_DEVICE, "key"}]
