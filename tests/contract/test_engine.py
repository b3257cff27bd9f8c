"""Every engine passes every test below: the same questions, the same answers."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final

import pytest

from fakes.osqueryd import OverASocket
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.table import Column, ColumnType, Request, Table, TableRow
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.engines.recorded import RecordedEngine
from vigie_agent.ports import QueryEngine

BUDGET: Final = timedelta(seconds=20)


def _printers(_request: Request) -> list[TableRow]:
    return [
        {"name": "entrance", "pages": 1200, "share": 0.5},
        {"name": "nursery", "pages": None, "share": 2.0},
    ]


PRINTERS: Final = Table(
    "vigie_printers",
    (
        Column("name"),
        Column("pages", ColumnType.BIGINT),
        Column("share", ColumnType.DOUBLE),
        Column("secret", hidden=True),
    ),
    _printers,
)

EVERYTHING: Final = "SELECT * FROM vigie_printers ORDER BY name"
NOTHING: Final = "SELECT name, pages FROM vigie_printers WHERE name = 'attic'"
NO_TABLE: Final = "SELECT * FROM vigie_scanners"
NO_COLUMN: Final = "SELECT colour FROM vigie_printers"
NOT_SQL: Final = "SELEC 1"

RECORDING: Final[Mapping[str, Rows | QueryError]] = {
    EVERYTHING: Rows(
        rows=(
            {"name": "entrance", "pages": "1200", "share": "0.5"},
            {"name": "nursery", "pages": "", "share": "2.0"},
        ),
        columns=("name", "pages", "share"),
        types=("TEXT", "BIGINT", "DOUBLE"),
    ),
    NOTHING: Rows(rows=(), columns=("name", "pages"), types=("TEXT", "BIGINT")),
    NO_TABLE: QueryError(Reason.MISSING_TABLE, "no such table: vigie_scanners"),
    NO_COLUMN: QueryError(Reason.ERROR, "no such column: colour"),
    NOT_SQL: QueryError(Reason.ERROR, 'near "SELEC": syntax error'),
}

ENGINES: Final[Mapping[str, Callable[[], QueryEngine]]] = {
    "embedded": lambda: EmbeddedEngine([PRINTERS]),
    "recorded": lambda: RecordedEngine(RECORDING),
    "osqueryd": lambda: OverASocket(EmbeddedEngine([PRINTERS])),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[QueryEngine]:
    opened = ENGINES[request.param]()
    yield opened
    opened.close()


def test_every_value_is_text_and_null_is_empty(engine: QueryEngine) -> None:
    answer = engine.query(EVERYTHING, timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert [dict(row) for row in answer.rows] == [
        {"name": "entrance", "pages": "1200", "share": "0.5"},
        {"name": "nursery", "pages": "", "share": "2.0"},
    ]


def test_columns_and_types_are_told_even_where_no_row_came(engine: QueryEngine) -> None:
    answer = engine.query(NOTHING, timeout=BUDGET)

    assert answer == Rows(rows=(), columns=("name", "pages"), types=("TEXT", "BIGINT"))


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (NO_TABLE, QueryError(Reason.MISSING_TABLE, "no such table: vigie_scanners")),
        (NO_COLUMN, QueryError(Reason.ERROR, "no such column: colour")),
        (NOT_SQL, QueryError(Reason.ERROR, 'near "SELEC": syntax error')),
    ],
)
def test_a_query_that_cannot_be_answered_is_an_answer(
    sql: str, error: QueryError, engine: QueryEngine
) -> None:
    answer = engine.query(sql, timeout=BUDGET)

    assert answer == error


def test_the_same_question_has_the_same_answer(engine: QueryEngine) -> None:
    first = engine.query(EVERYTHING, timeout=BUDGET)

    engine.query(NO_TABLE, timeout=BUDGET)

    assert engine.query(EVERYTHING, timeout=BUDGET) == first


def test_closing_twice_is_safe(engine: QueryEngine) -> None:
    engine.close()

    engine.close()

    assert engine.name
