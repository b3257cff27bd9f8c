"""Whatever statement is approved: run for real, it never asks a driven table for another place."""
# ruff: noqa: S608, N802 (generated SQL is what is under test; apsw names the methods)

from typing import Any

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_agent.domain.safety import Approved, check
from vigie_agent.domain.safety_patterns import place_of
from vigie_agent.domain.safety_places import PLACES
from vigie_agent.domain.safety_tables import ALLOWED_TABLES
from vigie_agent.domain.table import Operator

DRIVEN = PLACES["linux"]
ROWS = [
    {"path": "/etc/hosts", "directory": "/root", "username": "/root/x", "uid": 0},
    {"path": "/root/x", "directory": "/etc/pam.d", "username": "/etc/hosts", "uid": 1},
]


class RecordingTable:
    """A table with two rows that notes down every driving value it is handed."""

    def __init__(self, name: str, columns: list[str], asked: list[tuple[str, str, str]]) -> None:
        self.name = name
        self.columns = columns
        self.asked = asked

    def BestIndexObject(self, index: apsw.IndexInfo) -> bool:
        handed: list[str] = []
        for number in range(index.nConstraint):
            operator = index.get_aConstraint_op(number)
            if operator in {Operator.EQUALS, Operator.LIKE} and index.get_aConstraint_usable(
                number
            ):
                column = index.get_aConstraint_iColumn(number)
                handed.append(self.columns[column] if column >= 0 else "rowid")
                index.set_aConstraintUsage_argvIndex(number, len(handed))
        index.idxStr = ",".join(handed)
        index.estimatedCost = 10 if handed else 1_000_000
        return True

    def Open(self) -> "RecordingCursor":
        return RecordingCursor(self)

    def Disconnect(self) -> None:
        pass

    Destroy = Disconnect


class RecordingCursor:
    def __init__(self, table: RecordingTable) -> None:
        self.table = table
        self.position = 0

    def Filter(self, _number: int, handed: str, values: tuple[Any, ...]) -> None:
        self.position = 0
        for column, value in zip(handed.split(","), values, strict=False):
            self.table.asked.append((self.table.name, column, str(value)))
        if not handed:
            self.table.asked.append((self.table.name, "", ""))

    def Eof(self) -> bool:
        return self.position >= len(ROWS)

    def Column(self, number: int) -> Any:
        return ROWS[self.position].get(self.table.columns[number]) if number >= 0 else 0

    def Rowid(self) -> int:
        return self.position

    def Next(self) -> None:
        self.position += 1

    def Close(self) -> None:
        pass


class RecordingMachine:
    """Runs a statement for real and tells what the driven tables were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.connection = apsw.Connection(":memory:")
        self.connection.create_module("recording", self, use_bestindex_object=True)  # type: ignore[arg-type]
        for name in ("file", "hash", "augeas", "users"):
            self.connection.execute(f"CREATE VIRTUAL TABLE {name} USING recording")

    def Create(
        self, _connection: object, _module: str, _database: str, name: str, *_: object
    ) -> tuple[str, RecordingTable]:
        columns = [column.name for column in ALLOWED_TABLES[name].columns]
        declared = ", ".join(f'"{column}"' for column in columns)
        return f"CREATE TABLE x({declared})", RecordingTable(name, columns, self.asked)

    Connect = Create

    def places_asked_by(self, sql: str) -> list[tuple[str, str, str]]:
        self.connection.execute(sql).fetchall()
        return [each for each in self.asked if each[0] in DRIVEN]


paths = st.sampled_from(
    ["/etc/hosts", "/etc/pam.d/%", "/etc/pam.d/x", "/root/x", "/etc/pam.d/../x", "/%%", "%", ""]
)
literals = paths.map(lambda path: f"'{path}'")
names = st.sampled_from(["file", "hash", "augeas", "users"])
columns = st.sampled_from(["path", "directory", "a.path", "b.path", "uid", "username", "node"])
values = st.one_of(
    literals,
    columns,
    st.tuples(literals, literals).map(" || ".join),
    st.just("(SELECT path FROM file WHERE path = '/etc/hosts')"),
)
lists = st.lists(values, min_size=1, max_size=3).map(lambda found: f"({', '.join(found)})")
comparisons = st.one_of(
    st.tuples(columns, st.sampled_from(["=", "LIKE", "IS", "<>", ">", "GLOB"]), values),
    st.tuples(columns, st.sampled_from(["IN", "NOT IN"]), lists),
).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda condition: f"NOT {condition}"),
    ),
    max_leaves=4,
)
constant = st.one_of(
    st.sampled_from(["a.path = '/etc/hosts'", "a.path LIKE '/etc/pam.d/%'"]),
    literals.map(lambda literal: f"a.path IN ('/etc/hosts', {literal})"),
)
statements = st.one_of(
    st.tuples(names, conditions).map(lambda t: f"SELECT * FROM {t[0]} a WHERE {t[1]}"),
    st.tuples(names, constant, conditions).map(
        lambda t: f"SELECT * FROM {t[0]} a WHERE {t[1]} AND {t[2]}"
    ),
    st.tuples(
        names, st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN"]), names, conditions, constant
    ).map(lambda t: f"SELECT 1 FROM {t[0]} a {t[1]} {t[2]} b ON {t[3]} WHERE {t[4]}"),
    st.tuples(
        names, st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN"]), names, constant, conditions
    ).map(
        lambda t: (
            f"SELECT 1 FROM {t[0]} a {t[1]} {t[2]} b ON a.path = b.path AND {t[4]} WHERE {t[3]}"
        )
    ),
    st.tuples(names, names, constant, constant).map(
        lambda t: f"SELECT 1 FROM {t[0]} a, {t[1]} b WHERE {t[2]} AND b.path = a.path AND {t[3]}"
    ),
    st.tuples(names, constant, conditions).map(
        lambda t: f"SELECT * FROM (SELECT path, uid FROM {t[0]} a WHERE {t[1]}) a WHERE {t[2]}"
    ),
    st.tuples(names, constant, names, conditions).map(
        lambda t: f"SELECT (SELECT 1 FROM {t[0]} a WHERE {t[1]} AND {t[3]}) FROM {t[2]} b"
    ),
)


@given(statements)
@settings(max_examples=400, deadline=None)
def test_an_approved_statement_asks_only_for_allowed_places(sql: str) -> None:
    if not isinstance(check(sql, platform="linux"), Approved):
        return

    asked = RecordingMachine().places_asked_by(sql)

    for table, column, value in asked:
        places = DRIVEN[table].get(column)
        assert column, f"{table} was read without a condition"
        assert places is None or place_of(value, places), (table, column, value)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_check_raise(text: str) -> None:
    check(text, platform="linux")
    check(f"SELECT * FROM file WHERE path = '{text}'", platform="linux")
