"""The engine that needs no osqueryd: SQLite virtual tables with osquery's names and rules.

Each query runs in a thread of its own, because a table may block in the operating system (a dead
network mount) where no deadline reaches it. The caller gets its answer in time all the same: what
does not end shortly after its time budget is left behind with its connection, and goes when its
system call returns. Only so many may be left behind; beyond, queries are answered with a timeout
at once until one of them has ended, so that a machine in trouble is not filled with threads.
"""

import contextvars
import queue
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import apsw
import structlog

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.table import OSQUERY_SCHEMA, Table
from vigie_agent.engines.embedded_errors import OUT_OF_TIME, origin
from vigie_agent.engines.embedded_session import Session

_MAX_LEFT_BEHIND: Final = 4
_MAX_SQLITE_BYTES: Final = 128 * 1024 * 1024

log: Final = structlog.get_logger()


class EmbeddedEngine:
    """Answers with `tables`, one query at a time.

    Each query reads and gives at most `max_rows`. `grace` is what a query that is over its time
    gets to notice it, before it is left behind.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        *,
        max_rows: int = 100_000,
        grace: timedelta = timedelta(seconds=1),
    ) -> None:
        self._tables = tuple(tables)
        self._max_rows = max_rows
        self._grace = grace.total_seconds()
        self._turn = threading.Lock()
        self._session: Session | None = None
        self._left_behind: list[threading.Thread] = []
        self._closed = False
        apsw.hard_heap_limit(_MAX_SQLITE_BYTES)  # of this library's copy of SQLite, all engines

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def version(self) -> str:
        """The osquery release whose tables these are."""
        return OSQUERY_SCHEMA

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        """The answer to `sql`, within `timeout` and `grace`; waiting for its turn counts.

        Raises EngineLost once the engine is closed.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        if not self._turn.acquire(timeout=max(0.0, timeout.total_seconds())):
            return QueryError(Reason.TIMEOUT, "another query took all of its time")
        try:
            if self._closed:
                raise EngineLost("the engine is closed")
            self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
            if len(self._left_behind) >= _MAX_LEFT_BEHIND:
                return QueryError(Reason.TIMEOUT, "earlier queries are still blocked")
            return self._in_its_own_thread(sql, deadline)
        finally:
            self._turn.release()

    def close(self) -> None:
        """Ends the query under way, and lets go of everything. Safe to call twice.

        A query that is blocked in the operating system is waited for until its time is up.
        """
        self._closed = True
        session = self._session
        if session is not None:
            session.stop()
        with self._turn:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _in_its_own_thread(self, sql: str, deadline: float) -> Rows | QueryError:
        answers: queue.SimpleQueue[Rows | QueryError] = queue.SimpleQueue()
        session = self._session or Session(self._tables, max_rows=self._max_rows)
        self._session = session

        def work() -> None:
            try:
                answers.put(session.answer(sql, seconds=deadline - time.monotonic()))
            except Exception as error:  # noqa: BLE001 (else the caller waits until its time is up)
                log.error("embedded_query_crashed", **origin(error))
                answers.put(QueryError(Reason.ERROR, f"the engine failed: {type(error).__name__}"))

        context = contextvars.copy_context()  # the log lines of a table name their device, too
        thread = threading.Thread(
            target=context.run, args=(work,), name="embedded-query", daemon=True
        )
        thread.start()
        try:
            return answers.get(timeout=max(0.0, deadline - time.monotonic()) + self._grace)
        except queue.Empty:
            log.warning("embedded_query_left_behind", left_behind=len(self._left_behind) + 1)
            self._left_behind.append(thread)
            self._session = None
            return OUT_OF_TIME
