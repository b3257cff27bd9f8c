"""Against a real osqueryd, where `VIGIE_TEST_OSQUERYD` names one."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.table import Column, Constraint, Request, Table, TableRow
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_own import own_engine

PROGRAM = os.environ.get("VIGIE_TEST_OSQUERYD", "")
BUDGET = timedelta(seconds=40)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="VIGIE_TEST_OSQUERYD names no osqueryd")


@pytest.fixture
def requests() -> list[Request]:
    return []


@pytest.fixture
def engine(tmp_path: Path, requests: list[Request]) -> Iterator[OsquerydEngine]:
    def generate(request: Request) -> list[TableRow]:
        requests.append(request)
        return [{"username": "root", "mark": "seen"}]

    table = Table("vigie_marks", (Column("username", index=True), Column("mark")), generate)
    engine = own_engine(Path(PROGRAM), tmp_path / "private", (table,))
    yield engine
    engine.close()


def test_it_answers_with_types_and_texts(engine: OsquerydEngine) -> None:
    answer = engine.query("SELECT uid, username FROM users WHERE uid = 0", timeout=BUDGET)

    assert answer == Rows(
        ({"uid": "0", "username": "root"},), ("uid", "username"), ("BIGINT", "TEXT")
    )


def test_our_tables_join_its_own(engine: OsquerydEngine, requests: list[Request]) -> None:
    answer = engine.query(
        "SELECT u.uid, m.mark FROM users u JOIN vigie_marks m ON m.username = u.username"
        " WHERE m.username = 'root'",
        timeout=BUDGET,
    )

    assert isinstance(answer, Rows)
    assert answer.rows == ({"uid": "0", "mark": "seen"},)
    assert any(
        Constraint(2, "root") in request.constraints.get("username", ()) for request in requests
    )


def test_what_reaches_out_is_not_there(engine: OsquerydEngine) -> None:
    answer = engine.query("SELECT * FROM curl WHERE url = 'x'", timeout=BUDGET)

    assert isinstance(answer, QueryError)
    assert answer.reason is Reason.MISSING_TABLE


def test_a_query_without_end_is_a_timeout_and_the_next_one_is_answered(
    engine: OsquerydEngine,
) -> None:
    engine.query("SELECT 1", timeout=BUDGET)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    late = engine.query(endless, timeout=timedelta(seconds=1))
    answer = engine.query("SELECT 1 AS one", timeout=BUDGET)

    assert isinstance(late, QueryError)
    assert late.reason is Reason.TIMEOUT
    assert isinstance(answer, Rows)
