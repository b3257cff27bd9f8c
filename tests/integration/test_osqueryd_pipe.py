"""The connection in a child process, as for a named pipe, here over a Unix socket."""

import math
import multiprocessing
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes import osqueryd as fake
from fakes.blocking_connection import blocking_connection
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_attached import AttachedDaemon
from vigie_agent.engines.osqueryd_pipe import ChildConnection
from vigie_agent.engines.osqueryd_wire import Connection, ConnectionBroken

BUDGET = timedelta(seconds=30)


def in_child(path: Path, deadline: float) -> Connection:
    return ChildConnection(path, blocking_connection, deadline=deadline)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "osquery.em"


@pytest.fixture
def engine(path: Path) -> Iterator[OsquerydEngine]:
    engine = OsquerydEngine(AttachedDaemon(path, monotonic=lambda: math.inf), in_child)
    yield engine
    engine.close()


def test_a_child_asks_and_answers(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path):
        first = engine.query("SELECT 'x'", timeout=BUDGET)
        second = engine.query("SELECT * FROM nosuch", timeout=BUDGET)

    assert first == Rows(({"x": "x"},), ("x",), ("TEXT",))
    assert second == QueryError(Reason.MISSING_TABLE, "no such table: nosuch")


def test_a_child_that_blocks_is_killed_and_the_next_answer_is_the_right_one(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)

        late = engine.query("SELECT wait", timeout=timedelta(milliseconds=200))
        manager.go_on.set()
        answer = engine.query("SELECT 'y'", timeout=BUDGET)

    assert late == QueryError(Reason.TIMEOUT, "no answer in 0.2 s")
    assert isinstance(answer, Rows)
    assert answer.rows == ({"y": "y"},)


def test_a_daemon_that_is_not_there_is_a_lost_engine(engine: OsquerydEngine) -> None:
    with pytest.raises(EngineLost, match="No such file"):
        engine.query("SELECT 'x'", timeout=BUDGET)


def test_extensions_are_registered_through_the_child(path: Path) -> None:
    deadline = time.monotonic() + 30
    with fake.running(path) as manager:
        connection = in_child(path, deadline)

        uuid, refusal = connection.register("vigie", {"table": {}}, deadline=deadline)
        assert uuid in manager.extensions_by_uuid
        assert not refusal
        connection.deregister(uuid, deadline=deadline)
        assert not manager.extensions_by_uuid
        connection.close()

    with pytest.raises(ConnectionBroken):
        connection.query("SELECT 'x'", deadline=deadline)


def test_closing_leaves_no_child(path: Path, engine: OsquerydEngine) -> None:
    before = multiprocessing.active_children()  # what other tests of this worker have
    with fake.running(path):
        engine.query("SELECT 'x'", timeout=BUDGET)
        children = multiprocessing.active_children()

        engine.close()

    assert len(children) > len(before)
    assert not {*multiprocessing.active_children()} & ({*children} - {*before})
