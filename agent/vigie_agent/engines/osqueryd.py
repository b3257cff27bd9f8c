"""Asks an osqueryd: one that runs already, or one that we start and watch ourselves.

One question at a time, on one connection. What goes wrong is told in two ways:
- a question that takes too long is an answer (`timeout`); its connection is dropped, because the
  next answer on it would belong to this question, and the daemon is told that it overran: ours is
  stopped and started again, a foreign one is left alone for a while;
- a daemon that went away, or that sends what is no answer, is EngineLost.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines.osqueryd_wire import (
    AnswerLate,
    AnswerTooLarge,
    Connection,
    ConnectionBroken,
)

_VERSION_SQL: Final = "SELECT version FROM osquery_info"


class Daemon(Protocol):
    """An osqueryd as somebody's process: where it listens, and what to do when it fails."""

    def socket(self, *, deadline: float) -> Path:
        """Where it listens. Starts it where it is ours. Raises EngineLost when it cannot be asked.

        `deadline` is an instant of `time.monotonic`.
        """
        ...

    def connected(self, connection: Connection, *, deadline: float) -> None:
        """A new connection stands: whatever must be told to a daemon before the first question.

        Raises AnswerLate or ConnectionBroken.
        """
        ...

    def answered(self, answer: Rows | QueryError) -> Rows | QueryError:
        """It gave `answer` in time: that, or what it did not tell."""
        ...

    def failed(self) -> None:
        """It overran, went away, or sent what is no answer."""
        ...

    def close(self) -> None:
        """Lets go of it; stops it where it is ours. Safe to call twice."""
        ...


class OsquerydEngine:
    """Answers with an osqueryd. `connect` opens a connection: path of the socket, deadline."""

    def __init__(self, daemon: Daemon, connect: Callable[[Path, float], Connection]) -> None:
        self._daemon = daemon
        self._connect = connect
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._version = ""
        self._closed = False

    @property
    def name(self) -> str:
        """`osqueryd`."""
        return "osqueryd"

    @property
    def version(self) -> str:
        """The version of osqueryd; empty until it first answered."""
        return self._version

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        """The answer, within `timeout`; waiting for its turn, and for a daemon to start, count.

        Raises EngineLost when there is no daemon to ask, or it goes away meanwhile.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        if not self._turn.acquire(timeout=max(0.0, timeout.total_seconds())):
            return QueryError(Reason.TIMEOUT, "another query took all of its time")
        try:
            if self._closed:
                raise EngineLost("the engine is closed")
            return self._ask(sql, deadline)
        except AnswerLate:
            self._drop()
            self._daemon.failed()
            return QueryError(Reason.TIMEOUT, f"no answer in {timeout.total_seconds():g} s")
        except AnswerTooLarge:
            self._drop()
            return QueryError(Reason.TOO_LARGE, "the answer is larger than an engine may give")
        except ConnectionBroken as error:
            self._drop()
            self._daemon.failed()
            raise EngineLost(f"osqueryd: {error}") from error
        finally:
            self._turn.release()

    def close(self) -> None:
        """Lets go of the connection, and of a daemon of ours. Safe to call twice."""
        with self._turn:
            self._closed = True
            self._drop()
            self._daemon.close()

    def _ask(self, sql: str, deadline: float) -> Rows | QueryError:
        return self._daemon.answered(self._ready(deadline).query(sql, deadline=deadline))

    def _ready(self, deadline: float) -> Connection:
        """The connection that stands, or a new one when the daemon went or said too much."""
        if self._connection is not None and self._connection.is_fresh:
            return self._connection
        self._drop()
        self._connection = self._connect(self._daemon.socket(deadline=deadline), deadline)
        self._daemon.connected(self._connection, deadline=deadline)
        match self._connection.query(_VERSION_SQL, deadline=deadline):
            case Rows(rows=(row, *_)):
                self._version = row.get("version", "")
            case _:
                self._version = ""
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
