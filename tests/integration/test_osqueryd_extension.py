"""Our tables inside an osqueryd: registered, asked over its socket, failing, offered again."""

import os
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from thrift.transport.TTransport import TTransportException

from fakes import osqueryd as fake
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.table import (
    Column,
    ColumnType,
    Constraint,
    PermissionNeeded,
    Request,
    Table,
    TableRow,
)
from vigie_agent.engines.extension import ExtensionHost
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_attached import connect
from vigie_agent.engines.osqueryd_wire import Connection

BUDGET = timedelta(seconds=20)


class Kept:
    """A daemon as `OwnDaemon` is, without the process: it is there, and takes our tables."""

    def __init__(self, path: Path, host: ExtensionHost) -> None:
        self.path = path
        self.host = host

    def socket(self, *, deadline: float) -> Path:  # noqa: ARG002 (it is there)
        return self.path

    def connected(self, connection: Connection, *, deadline: float) -> None:
        self.host.offer(connection, self.path, deadline=deadline)

    def answered(self, answer: Rows | QueryError) -> Rows | QueryError:
        return self.host.failure() or answer

    def failed(self) -> None:
        pass

    def close(self) -> None:
        self.host.close()


class Shelf:
    """A table that notes down what it was asked for."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def generate(self, request: Request) -> list[TableRow]:
        self.requests.append(request)
        return [
            {"name": "été", "size": 7, "share": 0.5, "note": None},
            {"name": "", "size": 2**63, "share": 2.0},
        ]


def _closed(_request: Request) -> list[TableRow]:
    raise PermissionNeeded("root may read it")


def _broken(_request: Request) -> list[TableRow]:
    raise ZeroDivisionError("a secret: 4711")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "osquery.em"


@pytest.fixture
def engine(shelf: Shelf, path: Path) -> Iterator[OsquerydEngine]:
    columns = (
        Column("name", index=True),
        Column("size", ColumnType.UNSIGNED_BIGINT),
        Column("share", ColumnType.DOUBLE),
        Column("note", hidden=True),
    )
    tables = (
        Table("vigie_shelf", columns, shelf.generate),
        Table("vigie_closed", (Column("x"),), _closed),
        Table("vigie_broken", (Column("x"),), _broken),
    )
    engine = OsquerydEngine(Kept(path, ExtensionHost(tables)), connect)
    yield engine
    engine.close()


def test_a_table_of_ours_is_asked_through_the_daemon(
    path: Path, engine: OsquerydEngine, shelf: Shelf
) -> None:
    with fake.running(path) as manager:
        manager.constraints = [
            {"name": "name", "affinity": "TEXT", "list": [{"op": "2", "expr": "été"}]},
            {"name": "size", "affinity": "BIGINT", "list": ""},
        ]
        answer = engine.query("SELECT * FROM vigie_shelf", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert answer.rows == (
        {"name": "été", "size": "7", "share": "0.5"},
        {"name": "", "size": "9223372036854775808", "share": "2.0"},
    )
    (request,) = shelf.requests
    assert request.constraints == {"name": (Constraint(2, "été"),)}
    assert request.columns_used == frozenset({"name", "size", "share", "note"})


def test_the_daemon_learns_the_columns_their_types_and_flags(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)
        (tables,) = manager.extensions_by_uuid.values()

    assert tables["vigie_shelf"] == [
        {"id": "column", "name": "name", "type": "TEXT", "op": "1"},
        {"id": "column", "name": "size", "type": "UNSIGNED BIGINT", "op": "0"},
        {"id": "column", "name": "share", "type": "DOUBLE", "op": "0"},
        {"id": "column", "name": "note", "type": "TEXT", "op": "16"},
    ]


def test_a_table_that_cannot_be_read_says_why(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path):
        answer = engine.query("SELECT * FROM vigie_closed", timeout=BUDGET)

    assert answer == QueryError(Reason.NO_PERMISSION, "root may read it")


def test_a_table_that_fails_names_its_fault_without_its_data(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path):
        answer = engine.query("SELECT * FROM vigie_broken", timeout=BUDGET)
        healthy = engine.query("SELECT * FROM vigie_shelf", timeout=BUDGET)

    assert answer == QueryError(Reason.ERROR, "vigie_broken failed: ZeroDivisionError")
    assert isinstance(healthy, Rows)


def test_tables_are_offered_again_to_a_daemon_that_came_back(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path):
        engine.query("SELECT 'x'", timeout=BUDGET)

    with fake.running(path):
        answer = engine.query("SELECT * FROM vigie_shelf", timeout=BUDGET)

    assert isinstance(answer, Rows)


def test_a_new_connection_to_the_same_daemon_leaves_one_registration(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)
        engine.query("SELECT wait", timeout=timedelta(milliseconds=100))
        manager.go_on.set()
        answer = engine.query("SELECT * FROM vigie_shelf", timeout=BUDGET)

        assert isinstance(answer, Rows)
        assert len(manager.extensions_by_uuid) == 1


def test_the_daemon_pings_asks_for_columns_and_for_what_is_not_there(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)
        (uuid,) = manager.extensions_by_uuid
        with fake.extension(path, uuid) as client:
            assert client.ping().code == 0
            assert len(client.call("table", "vigie_shelf", {"action": "columns"}).response) == 4
            assert client.call("table", "vigie_nosuch", {"action": "generate"}).status.code == 1
            assert client.call("logger", "vigie_shelf", {"string": "x"}).status.code == 1
            assert client.call("table", "vigie_shelf", {"action": "delete"}).status.code == 1
            client.shutdown()  # it ends; this process does not
            assert client.ping().code == 0


def test_garbage_on_our_socket_harms_nobody(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)
        (uuid,) = manager.extensions_by_uuid
        for garbage in (
            b"\xff" * 64,
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x80\x01\x00\x01\x7f\xff\xff\xff",
        ):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(10)
                caller.connect(f"{path}.{uuid}")
                caller.sendall(garbage)
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(4096):
                    pass

        answer = engine.query("SELECT * FROM vigie_shelf", timeout=BUDGET)

    assert isinstance(answer, Rows)


def test_closing_leaves_no_thread_and_no_socket(path: Path, engine: OsquerydEngine) -> None:
    before = threading.enumerate()  # what other tests of this worker have
    with fake.running(path) as manager:
        engine.query("SELECT 'x'", timeout=BUDGET)
        (uuid,) = manager.extensions_by_uuid

        engine.close()

        with pytest.raises(TTransportException), fake.extension(path, uuid):
            pass
        assert not os.path.lexists(f"{path}.{uuid}")
        left = [thread for thread in threading.enumerate() if thread not in before]
        assert not any(thread.name == "osquery-extension" for thread in left)
