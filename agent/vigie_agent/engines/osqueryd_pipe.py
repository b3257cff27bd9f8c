"""Asks an osqueryd over a named pipe of Windows, from a child process that can be killed.

A read from osquery-python's pipe blocks without a timeout, and no other thread can end it. So the
client lives in a child process: it is told one question at a time and sends back what came. When
the deadline passes the child is killed, and with it the question.

The parent's half knows nothing of Windows, and is tested over a Unix socket. The child's half for
a named pipe (`_pipe_client`) has not been run on Windows.
"""

import math
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Channel
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

from thrift.transport.TTransport import TTransportException

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.engines.osqueryd_wire import (
    AnswerLate,
    AnswerTooLarge,
    Connection,
    ConnectionBroken,
    ThriftConnection,
)

_NO_DEADLINE: Final = math.inf
_TO_END: Final = 5.0  # seconds for a killed child to be gone

OpenInChild = Callable[[str], Connection]
"""Opens a connection inside the child: a function of a module, so that it can be named to it."""


def open_pipe(path: Path, *, deadline: float) -> "ChildConnection":
    """A connection to the osqueryd whose named pipe is `path`. Raises ConnectionBroken."""
    return ChildConnection(path, _pipe_client, deadline=deadline)


class ChildConnection:
    """A connection in a process of its own, which dies with the first question that is late."""

    def __init__(self, path: Path, open_in_child: OpenInChild, *, deadline: float) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._channel, theirs = spawning.Pipe()
        self._child: SpawnProcess = spawning.Process(
            target=_serve, args=(theirs, open_in_child, str(path)), daemon=True
        )
        self._child.start()
        theirs.close()
        try:
            self._receive(deadline)  # that it is connected
        except AnswerLate as error:
            raise ConnectionBroken("it does not take the connection") from error

    def query(self, sql: str, *, deadline: float) -> Rows | QueryError:
        """See Connection."""
        answer = self._ask("query", sql, deadline=deadline)
        if not isinstance(answer, Rows | QueryError):
            self.close()
            raise ConnectionBroken("the child sent something else than an answer")
        return answer

    def register(self, name: str, registry: dict[str, Any], *, deadline: float) -> tuple[int, str]:
        """See Connection."""
        uuid, refusal = self._ask("register", name, registry, deadline=deadline)
        return int(uuid), str(refusal)

    def deregister(self, uuid: int, *, deadline: float) -> None:
        """See Connection."""
        self._ask("deregister", uuid, deadline=deadline)

    @property
    def is_fresh(self) -> bool:
        """See Connection."""
        return self._child.is_alive() and not self._channel.closed and not self._channel.poll()

    def close(self) -> None:
        """See Connection."""
        if self._channel.closed:
            return
        self._child.kill()
        self._child.join(_TO_END)
        self._channel.close()

    def _ask(self, method: str, *arguments: object, deadline: float) -> Any:
        try:
            self._channel.send((method, arguments))
        except OSError as error:
            self.close()
            raise ConnectionBroken("the child process ended") from error
        return self._receive(deadline)

    def _receive(self, deadline: float) -> Any:
        try:
            if not self._channel.poll(max(0.0, deadline - time.monotonic())):
                self.close()
                raise AnswerLate
            received = self._channel.recv()
        except (OSError, EOFError) as error:
            self.close()
            raise ConnectionBroken("the child process ended") from error
        if isinstance(received, AnswerTooLarge | ConnectionBroken):
            self.close()
            raise received
        return received


def _serve(channel: Channel, open_in_child: OpenInChild, path: str) -> None:
    """The child's life: connect, then answer until the parent or osqueryd goes."""
    try:
        connection = open_in_child(path)
        channel.send(None)
        while True:
            method, arguments = channel.recv()
            channel.send(getattr(connection, method)(*arguments, deadline=_NO_DEADLINE))
    except (AnswerTooLarge, ConnectionBroken) as error:
        channel.send(error)
    except (OSError, EOFError):
        return  # the parent is gone


def _pipe_client(path: str) -> Connection:
    from osquery.TPipe import TPipe  # noqa: PLC0415 (it imports pywin32: Windows only)

    transport = TPipe(pipe_name=path)
    try:
        transport.open()
    except TTransportException as error:
        raise ConnectionBroken("the named pipe cannot be opened") from error
    return ThriftConnection(transport)
