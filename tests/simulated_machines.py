"""Machines made of written-down tables, on which the packs' real SQL is run.

A machine is `tests/fixtures/<platform>/<scenario>/machine.yaml`: the rows of each table, as osquery
documents them (or as a Linux machine gave them). On Windows our own tables are not written down but
run, on the WMI, registry and accounts that are (`written_windows.py`). What the packs answer on it
is recorded beside it, one `<topic>.json` a topic: the rows as osqueryd gives them, for rules and
for the simulated fleet.

    VIGIE_OSQUERY_SCHEMA=... PYTHONPATH=tests python -m simulated_machines    # record them again
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from vigie_agent.domain.packs import Pack, read_pack
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host
from written_windows import windows_tables
from yaml_files import read_yaml

QUERIES: Final = Path(__file__).parents[1] / "queries"
FIXTURES: Final = Path(__file__).parent / "fixtures"
PLATFORMS: Final = ("windows", "darwin", "linux")

PACKS: Final[Mapping[str, Pack]] = {
    path.stem: read_pack(path.read_text("utf-8"), name=path.stem)
    for path in sorted((QUERIES / "packs").glob("*.json"))
}

AnswerRow = Mapping[str, str]
TableRows = Sequence[Mapping[str, object]]
Asked = Callable[[str, Mapping[str, TableRows]], list[AnswerRow]]
"""Asks the query of a name of a machine that has these rows in its tables."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the schema says of a column: its type, and the first osquery release that has it."""

    type: str
    since: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one platform: osquery's published ones, and Vigie's own."""

    tables: Mapping[str, Mapping[str, ColumnFacts]]

    @classmethod
    def of(cls, platform: str, published: Path) -> "Schema":
        """Raises OSError when `published`, osquery's schema as JSON, cannot be read."""
        document = json.loads(published.read_text("utf-8"))["tables"]
        tables = {
            name: dict(_columns_on(about, platform))
            for name, about in document.items()
            if platform in about["platforms"]
        }
        for table in all_tables(Host()):
            if table.name.startswith("vigie_") and platform in table.platforms:
                tables[table.name] = {
                    column.name: ColumnFacts(column.type, "0") for column in table.columns
                }
        return cls(tables)


@dataclass(frozen=True, slots=True)
class SimulatedMachine:
    """Answers SQL over written-down tables; those that are not written down are empty.

    `reads` are the (table, column) pairs that the last question read.
    """

    schema: Schema
    tables: Mapping[str, TableRows] = field(default_factory=dict)
    reads: set[tuple[str, str]] = field(default_factory=set)
    # Without a cache every question is prepared, which is when its reads are told.
    _database: sqlite3.Connection = field(
        default_factory=lambda: sqlite3.connect(":memory:", cached_statements=0)
    )

    def __post_init__(self) -> None:
        for name, columns in self.schema.tables.items():
            declared = ", ".join(f'"{column}" {about.type}' for column, about in columns.items())
            self._database.execute(f'CREATE TABLE "{name}" ({declared})')
        for name, rows in self.tables.items():
            for row in rows:
                named = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" * len(row))
                statement = f'INSERT INTO "{name}" ({named}) VALUES ({marks})'  # noqa: S608 (names of a schema)
                self._database.execute(statement, tuple(row.values()))
        self._database.create_function("sha256", 1, _sha256, deterministic=True)
        self._database.set_authorizer(self._remember)

    def ask(self, sql: str) -> tuple[tuple[str, ...], list[AnswerRow]]:
        """Columns and rows as osqueryd writes them: all values text, NULL the empty string."""
        self.reads.clear()
        cursor = self._database.execute(sql)
        columns = tuple(str(column[0]) for column in cursor.description)
        return columns, [
            {
                name: "" if value is None else str(value)
                for name, value in zip(columns, row, strict=True)
            }
            for row in cursor
        ]

    def close(self) -> None:
        self._database.close()

    def _remember(self, action: int, table: str | None, column: str | None, *_: object) -> int:
        # A CTE's columns are reported too, under its own name or none.
        if action == sqlite3.SQLITE_READ and table is not None and table in self.schema.tables:
            self.reads.add((table, column or ""))
        return sqlite3.SQLITE_OK


@dataclass(frozen=True, slots=True)
class Scenario:
    """One written-down machine, and where its recorded answers lie."""

    platform: str
    name: str
    folder: Path

    def tables(self) -> Mapping[str, TableRows]:
        """The rows of its tables."""
        document = read_yaml(self.folder / "machine.yaml")
        assert isinstance(document, dict)
        if "windows" not in document:
            return document
        found = windows_tables(document)
        return {**found, **{name: rows for name, rows in document.items() if name != "windows"}}

    def recorded(self, topic: str) -> list[AnswerRow]:
        """The recorded answer on a topic."""
        rows = json.loads((self.folder / f"{topic}.json").read_text("utf-8"))
        assert isinstance(rows, list)
        return rows


def scenarios() -> list[Scenario]:
    """Every scenario, in order of platform and name."""
    return [
        Scenario(path.parent.parent.name, path.parent.name, path.parent)
        for path in sorted(FIXTURES.glob("*/*/machine.yaml"))
    ]


def answers(scenario: Scenario, schema: Schema) -> Mapping[str, list[AnswerRow]]:
    """What the packs answer on a machine, by topic: the union of the parts, in canonical order."""
    machine = SimulatedMachine(schema, scenario.tables())
    try:
        return {
            topic: sorted(
                (
                    row
                    for query in pack.queries
                    if scenario.platform in query.platforms
                    for row in machine.ask(query.sql)[1]
                ),
                key=lambda row: sorted(row.items()),
            )
            for topic, pack in PACKS.items()
        }
    finally:
        machine.close()


def record(published: Path) -> None:
    """Writes the answers of every scenario beside it."""
    schemas = {platform: Schema.of(platform, published) for platform in PLATFORMS}
    for scenario in scenarios():
        for topic, rows in answers(scenario, schemas[scenario.platform]).items():
            lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            text = f"[\n{lines}\n]\n" if rows else "[]\n"
            (scenario.folder / f"{topic}.json").write_text(text, "utf-8")


def _columns_on(about: Mapping[str, object], platform: str) -> Iterator[tuple[str, ColumnFacts]]:
    columns = about["columns"]
    assert isinstance(columns, dict)
    for name, column in columns.items():
        if platform in column.get("platforms", [platform]):
            yield name, ColumnFacts(column["type"], str(column.get("since", about["since"])))


def _sha256(text: str | None) -> str | None:
    return None if text is None else sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    record(Path(os.environ["VIGIE_OSQUERY_SCHEMA"]))
