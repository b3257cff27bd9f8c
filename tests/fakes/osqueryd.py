"""A stand-in for osqueryd: the daemon's side of its Thrift interface, with scripted behaviour.

`Manager` runs in this process, for tests that need to hold it in their hand. As a program
(`python osqueryd.py --extensions_socket=...`) it takes osqueryd's flags and can be killed.

What it is asked decides what it does, so that a test reads as what happened:
    SELECT 'x'            one row {"x": "x"}
    SELECT wait           answers when the test says so, or never
    SELECT die            the process is killed in the middle of the question
    SELECT huge           an answer of several MiB
    SELECT flags          the program's command line, one row a flag
    SELECT * FROM vigie_* asks the extension that registered the table, as osqueryd does
"""

import contextlib
import json
import os
import signal
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from osquery.extensions.Extension import Client as ExtensionClient
from osquery.extensions.ExtensionManager import Iface, Processor
from osquery.extensions.ttypes import ExtensionResponse, ExtensionStatus, InternalExtensionInfo
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.engines.osqueryd_attached import attached_engine
from vigie_agent.ports import QueryEngine

VERSION = "5.23.1"
VERSION_SQL = "SELECT version FROM osquery_info"
Answer = list[dict[str, str]]


class Manager(Iface):  # type: ignore[misc]
    """The extension manager inside osqueryd."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting = threading.Event()
        """Set once somebody asked `SELECT wait`."""
        self.go_on = threading.Event()
        """Lets `SELECT wait` answer."""
        self.asked: list[str] = []
        self.contexts: list[dict[str, Any]] = []
        """What the tables of extensions were asked; a test may put its own in `constraints`."""
        self.constraints: list[dict[str, Any]] = []
        self.extensions_by_uuid: dict[int, dict[str, list[dict[str, str]]]] = {}
        self.engine: QueryEngine | None = None
        """Who answers in its place, word for word."""
        self._next_uuid = 4711

    # --- what the agent calls -------------------------------------------------------------------

    def query(self, sql: str) -> ExtensionResponse:
        self.asked.append(sql)
        if self.engine is not None and sql != VERSION_SQL:
            match self.engine.query(sql, timeout=timedelta(seconds=20)):
                case Rows(rows=found):
                    return response([dict(row) for row in found])
                case QueryError(detail=detail):
                    return failure(detail)
        if "FROM vigie_" in sql:
            return self._from_extension(sql.rpartition("FROM ")[2])
        rows = self._rows(sql)
        return (
            failure(f"no such table: {sql.rpartition(' ')[2]}") if rows is None else response(rows)
        )

    def _rows(self, sql: str) -> Answer | None:
        if sql.startswith("SELECT '"):
            text = sql.split("'")[1]
            return [{text: text}]
        match sql:
            case _ if sql == VERSION_SQL:
                return [{"version": VERSION}]
            case "SELECT wait":
                self.waiting.set()
                self.go_on.wait(30)
                return [{"wait": "over"}]
            case "SELECT huge":
                return [{"huge": "x" * 1024} for _ in range(4096)]
            case "SELECT flags":
                return [{"flag": flag} for flag in sys.argv[1:]]
            case "SELECT die":
                os.kill(os.getpid(), signal.SIGKILL)
            case _:
                pass
        return None

    def getQueryColumns(self, sql: str) -> ExtensionResponse:  # noqa: N802 (osquery's name)
        if self.engine is not None:
            answer = self.engine.query(sql, timeout=timedelta(seconds=20))
            if isinstance(answer, QueryError):
                return failure(answer.detail)
            columns = zip(answer.columns, answer.types, strict=True)
            return response([{name: type_} for name, type_ in columns])
        rows = self.query(sql).response if sql.startswith("SELECT '") else []
        return response([{name: "TEXT"} for row in rows for name in row])

    def registerExtension(  # noqa: N802 (osquery's name)
        self, info: InternalExtensionInfo, registry: Mapping[str, Any]
    ) -> ExtensionStatus:
        if info.name != "vigie":
            return ExtensionStatus(code=1, message="Duplicate extension registered", uuid=0)
        self._next_uuid += 1
        self.extensions_by_uuid[self._next_uuid] = dict(registry["table"])
        return ExtensionStatus(code=0, message="OK", uuid=self._next_uuid)

    def deregisterExtension(self, uuid: int) -> ExtensionStatus:  # noqa: N802 (osquery's name)
        known = self.extensions_by_uuid.pop(uuid, None) is not None
        return ExtensionStatus(code=0 if known else 1, message="", uuid=uuid)

    # --- what osqueryd does with an extension ---------------------------------------------------

    def _from_extension(self, table: str) -> ExtensionResponse:
        for uuid, tables in self.extensions_by_uuid.items():
            if table in tables:
                context = {
                    "constraints": self.constraints,
                    "colsUsed": [each["name"] for each in tables[table] if each["id"] == "column"],
                }
                request = {"action": "generate", "context": json.dumps(context)}
                with extension(self.path, uuid) as client:
                    answer: ExtensionResponse = client.call("table", table, request)
                return answer if answer.status.code == 0 else response([])  # as osqueryd does
        return failure(f"no such table: {table}")


@contextlib.contextmanager
def extension(path: Path, uuid: int) -> Iterator[ExtensionClient]:
    """A client of the extension that registered as `uuid`."""
    connected = TSocket(unix_socket=f"{path}.{uuid}")
    connected.setTimeout(10_000)
    transport = TBufferedTransport(connected)
    transport.open()
    try:
        yield ExtensionClient(TBinaryProtocol(transport))
    finally:
        transport.close()


def response(rows: Answer) -> ExtensionResponse:
    return ExtensionResponse(status=ExtensionStatus(code=0, message="OK", uuid=0), response=rows)


def failure(message: str) -> ExtensionResponse:
    return ExtensionResponse(status=ExtensionStatus(code=1, message=message, uuid=0), response=[])


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.connections: list[Any] = []
        super().__init__(os.fspath(manager.path), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.connections.append(self.request)
        connected = TSocket()
        connected.setHandle(self.request)
        protocol = TBinaryProtocol(TBufferedTransport(connected))
        processor = Processor(self.server.manager)
        with contextlib.suppress(Exception):  # the agent hung up
            while True:
                processor.process(protocol, protocol)


@contextlib.contextmanager
def running(path: Path) -> Iterator[Manager]:
    """A manager that listens on `path` in this process, until the block ends: then it is gone."""
    manager = Manager(path)
    server = _Server(manager)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield manager
    finally:
        server.shutdown()
        server.server_close()
        for connection in server.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        manager.go_on.set()
        thread.join(10)
        path.unlink()


class OverASocket:
    """An engine that asks `answering` the long way: over osqueryd's socket and protocol."""

    def __init__(self, answering: QueryEngine) -> None:
        self._open = contextlib.ExitStack()
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        manager = self._open.enter_context(running(Path(folder) / "osquery.em"))
        manager.engine = answering
        self._open.callback(answering.close)
        self._engine = attached_engine(manager.path)
        self._open.callback(self._engine.close)

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def version(self) -> str:
        return self._engine.version

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        return self._engine.query(sql, timeout=timeout)

    def close(self) -> None:
        self._open.close()


def main() -> None:
    """Behaves as the program `osqueryd`, as far as the agent can see."""
    told = dict(flag.removeprefix("--").partition("=")[::2] for flag in sys.argv[1:])
    if "die_at_start" in Path(told["config_path"]).parent.name:
        print("E1123 a reason to end", flush=True)
        sys.exit(78)
    print("x" * 100 + "\n", end="", flush=True)
    for _ in range(20_000):  # far more than a pipe holds: it must be read by somebody
        print("a line that nobody asked for, long enough to fill a pipe of 64 KiB many times over")
    with running(Path(told["extensions_socket"])):
        threading.Event().wait()


if __name__ == "__main__":
    main()
