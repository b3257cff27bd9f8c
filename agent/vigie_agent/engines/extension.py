"""Our tables inside an osqueryd of ours: registered while it runs, served on a socket beside it.

osquery-python's `start_extension` reads this process's command line and ends the process when the
daemon goes. Here only its Thrift interface is used: we register, answer the daemon's calls from
threads of our own, and let go without a trace. The daemon calls while it works on a question of
ours, several times for one question when tables are joined, and pings in between.
"""

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from osquery.extensions.Extension import Iface, Processor
from osquery.extensions.ttypes import ExtensionResponse, ExtensionStatus

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.table import (
    Column,
    Constraint,
    LibraryMissing,
    PermissionNeeded,
    Request,
    Table,
    TableError,
    TableRow,
    Value,
)
from vigie_agent.engines.osqueryd_wire import Connection, ConnectionBroken

if TYPE_CHECKING:
    from vigie_agent.engines.extension_server import ExtensionServer

log: Final = structlog.get_logger()

_NAME: Final = "vigie"
_INDEX, _REQUIRED, _ADDITIONAL, _HIDDEN = 1, 2, 4, 16  # osquery's column options


class ExtensionHost:
    """Offers `tables` to one osqueryd at a time."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._plugin = TablePlugins(tables)
        self._server: ExtensionServer | None = None
        self._thread: threading.Thread | None = None
        self._uuid = -1

    def offer(self, connection: Connection, socket_path: Path, *, deadline: float) -> None:
        """Registers the tables over `connection`, in place of an earlier registration.

        Raises ConnectionBroken when the daemon will not have them, and as `Connection.register`.
        """
        if self._uuid >= 0:  # the same daemon may still know us, over an earlier connection
            connection.deregister(self._uuid, deadline=deadline)
        self._stop_serving()
        self._plugin.take_failure()
        uuid, refusal = connection.register(
            _NAME, {"table": self._plugin.routes()}, deadline=deadline
        )
        if uuid < 0:
            raise ConnectionBroken(f"it refuses our tables: {refusal}")
        self._uuid = uuid
        from vigie_agent.engines.extension_server import ExtensionServer  # noqa: PLC0415 (no Windows)

        path = Path(f"{socket_path}.{uuid}")
        path.unlink(missing_ok=True)
        self._server = ExtensionServer(os.fspath(path), Processor(self._plugin))
        path.chmod(0o600)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="osquery-extension", daemon=True
        )
        self._thread.start()

    def failure(self) -> QueryError | None:
        """Why one of our tables failed since this was last asked.

        osqueryd logs what an extension reports and answers as if the table were empty.
        """
        return self._plugin.take_failure()

    def close(self) -> None:
        """Stops serving. Safe to call twice."""
        self._stop_serving()

    def _stop_serving(self) -> None:
        self._uuid = -1
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with contextlib.suppress(OSError):
            os.unlink(str(self._server.server_address))  # noqa: PTH108 (an address, not a Path)
        self._server = self._thread = None


class TablePlugins(Iface):  # type: ignore[misc]  # osquery-python is not typed
    """The extension's side of osquery's Thrift interface, over our tables."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = {table.name: table for table in tables}
        self._failure: QueryError | None = None

    def take_failure(self) -> QueryError | None:
        """The last failure, once."""
        failure, self._failure = self._failure, None
        return failure

    def routes(self) -> dict[str, list[dict[str, str]]]:
        """What osquery wants to know of each table to declare it."""
        return {name: routes_of(table) for name, table in self._tables.items()}

    def ping(self) -> ExtensionStatus:
        """The daemon asks now and then whether we are there."""
        return _status(0, "OK")

    def call(self, registry: str, item: str, request: Mapping[str, str]) -> ExtensionResponse:
        """A call of the daemon's: generate rows, or name the columns. Never raises."""
        table = self._tables.get(item) if registry == "table" else None
        if table is None:
            return _response(1, f"no such plugin: {registry} {item}")
        match request.get("action"):
            case "columns":
                return _response(0, "OK", routes_of(table))
            case "generate":
                return self._generate(table, request.get("context", ""))
            case action:
                return _response(1, f"{item} cannot {action}")

    def shutdown(self) -> None:
        """The daemon ends. We do not: the engine notices and starts another."""

    def _generate(self, table: Table, context: str) -> ExtensionResponse:
        try:
            rows = [row_text(row) for row in table.generate(request_of(context))]
        except PermissionNeeded as error:
            return self._failed(Reason.NO_PERMISSION, str(error))
        except LibraryMissing as error:
            return self._failed(Reason.MISSING_TABLE, str(error))
        except TableError as error:
            return self._failed(Reason.ERROR, str(error))
        except Exception as error:  # noqa: BLE001 (else the daemon loses all our tables)
            log.error("table_failed", table=table.name, error=type(error).__name__)
            return self._failed(Reason.ERROR, f"{table.name} failed: {type(error).__name__}")
        return _response(0, "OK", rows)

    def _failed(self, reason: Reason, detail: str) -> ExtensionResponse:
        self._failure = QueryError(reason, detail)
        return _response(1, detail)


# --- Between osquery's words and ours: pure ----------------------------------------------------


def routes_of(table: Table) -> list[dict[str, str]]:
    """A table's columns and other names, as osquery wants them at registration."""
    columns = [
        {"id": "column", "name": column.name, "type": column.type.value, "op": _options(column)}
        for column in table.columns
    ]
    return columns + [{"id": "alias", "alias": alias} for alias in table.aliases]


def request_of(context: str) -> Request:
    """What one scan asks for. Without a context, or with one that is not JSON, it asks for all."""
    try:
        asked = json.loads(context) if context else {}
    except ValueError:
        return Request()
    if not isinstance(asked, dict):
        return Request()
    constraints = {
        str(column["name"]): tuple(_constraints(column.get("list")))
        for column in asked.get("constraints") or ()
    }
    used = asked.get("colsUsed")
    return Request(
        {name: found for name, found in constraints.items() if found},
        frozenset(map(str, used)) if isinstance(used, list) else None,
    )


def row_text(row: TableRow) -> dict[str, str]:
    """A row as the wire wants it: all text; what is NULL is left out."""
    return {name: _text(value) for name, value in row.items() if value is not None}


def _constraints(listed: object) -> Iterable[Constraint]:
    for each in listed if isinstance(listed, list) else ():
        yield Constraint(int(each["op"]), str(each["expr"]))


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _options(column: Column) -> str:
    return str(
        _INDEX * column.index
        | _REQUIRED * column.required
        | _ADDITIONAL * column.additional
        | _HIDDEN * column.hidden
    )


def _status(code: int, message: str) -> ExtensionStatus:
    return ExtensionStatus(code=code, message=message, uuid=0)


def _response(code: int, message: str, rows: Sequence[Mapping[str, str]] = ()) -> ExtensionResponse:
    return ExtensionResponse(status=_status(code, message), response=list(rows))
