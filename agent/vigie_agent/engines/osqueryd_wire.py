"""One connection to an osqueryd's extension socket: one question, one answer, one deadline.

Thrift numbers no answers: after a question that was given up, the next answer on the same
connection belongs to it. So a connection is good until the first thing that goes wrong, and then
never used again. The deadline holds for the whole answer, not for each piece of it, and an answer
is bounded in size, as is every length that its bytes claim.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from osquery.extensions.ExtensionManager import Client
from osquery.extensions.ttypes import InternalExtensionInfo
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TException
from thrift.transport.TTransport import TBufferedTransport, TTransportBase, TTransportException

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.engines.osqueryd_answers import NotAnAnswer, read_answer

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_MAX_TEXT_BYTES: Final = 16 * 1024 * 1024
_MAX_ITEMS: Final = 1_000_000
_MAX_DEPTH_ERRORS: Final = (RecursionError, MemoryError)
_BROKEN: Final = (
    TException,  # TTransportException, TProtocolException and TApplicationException among them
    OSError,
    EOFError,
    struct.error,
    ValueError,  # UnicodeDecodeError among them
    TypeError,
    AttributeError,
    KeyError,
    *_MAX_DEPTH_ERRORS,
)
"""All that bytes which are not osqueryd's can make the Thrift library raise."""

T = TypeVar("T")


class AnswerLate(Exception):
    """The deadline passed. The connection is closed."""


class AnswerTooLarge(Exception):
    """The answer is over `MAX_ANSWER_BYTES`. The connection is closed."""


class ConnectionBroken(Exception):
    """The other side went away, or what it sent is no answer. The connection is closed."""


class Connection(Protocol):
    """A way to ask an osqueryd. `deadline` is an instant of `time.monotonic`."""

    def query(self, sql: str, *, deadline: float) -> Rows | QueryError:
        """The answer. Raises AnswerLate, AnswerTooLarge or ConnectionBroken, all of them final."""
        ...

    def register(self, name: str, registry: dict[str, Any], *, deadline: float) -> tuple[int, str]:
        """The number that osqueryd gives an extension, or -1 and why not. Raises as `query`."""
        ...

    def deregister(self, uuid: int, *, deadline: float) -> None:
        """Takes an extension's tables away. Raises as `query`."""
        ...

    @property
    def is_fresh(self) -> bool:
        """Whether the other side is still there and has sent nothing unasked."""
        ...

    def close(self) -> None:
        """Safe to call twice."""
        ...


class ThriftConnection:
    """A connection over an open transport of Thrift's, whose waits have no end of their own."""

    def __init__(self, transport: TTransportBase) -> None:
        self._transport = transport
        self._client = Client(
            TBinaryProtocol(
                TBufferedTransport(transport),
                string_length_limit=_MAX_TEXT_BYTES,
                container_length_limit=_MAX_ITEMS,
            )
        )

    def query(self, sql: str, *, deadline: float) -> Rows | QueryError:
        """See Connection."""

        def ask() -> Rows | QueryError:
            answer = self._client.query(sql)
            if answer.status is None or answer.status.code != 0:
                return read_answer(answer)
            return read_answer(answer, self._client.getQueryColumns(sql))

        return self._within(deadline, ask)

    def register(self, name: str, registry: dict[str, Any], *, deadline: float) -> tuple[int, str]:
        """See Connection."""
        info = InternalExtensionInfo(
            name=name, version="1.0.0", sdk_version="5.0.0", min_sdk_version="0.0.0"
        )

        def ask() -> tuple[int, str]:
            status = self._client.registerExtension(info=info, registry=registry)
            if status.code == 0 and isinstance(status.uuid, int):
                return status.uuid, ""
            return -1, status.message or "osqueryd gave no reason"

        return self._within(deadline, ask)

    def deregister(self, uuid: int, *, deadline: float) -> None:
        """See Connection."""
        self._within(deadline, lambda: self._client.deregisterExtension(uuid))

    @property
    def is_fresh(self) -> bool:
        """See Connection."""
        return True

    def close(self) -> None:
        """See Connection."""
        self._transport.close()

    def _begin(self, deadline: float) -> None:
        """A question begins; here, nothing ends it."""

    def _within(self, deadline: float, ask: Callable[[], T]) -> T:
        self._begin(deadline)
        try:
            return ask()
        except TimeoutError as error:
            self.close()
            raise AnswerLate from error
        except AnswerTooLarge:
            self.close()
            raise
        except (*_BROKEN, NotAnAnswer) as error:
            self.close()
            raise ConnectionBroken(_in_short(error)) from error


class SocketConnection(ThriftConnection):
    """A connection over a Unix socket. Open it with `open_socket`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = _DeadlineTransport(connected)
        super().__init__(self._socket)

    @property
    def is_fresh(self) -> bool:
        """See Connection."""
        return self._socket.is_quiet

    def _begin(self, deadline: float) -> None:
        self._socket.begin(deadline)


class _DeadlineTransport(TTransportBase):  # type: ignore[misc]  # thrift is not typed
    """A socket whose every wait ends at one deadline, and whose answers end at one size."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._deadline = 0.0
        self._room = 0

    def begin(self, deadline: float) -> None:
        """Starts a question: all of its bytes, both ways, must pass before `deadline`."""
        self._deadline = deadline
        self._room = MAX_ANSWER_BYTES

    @property
    def is_quiet(self) -> bool:
        """Whether the socket is open and nothing, not even its end, waits to be read."""
        if self._socket.fileno() < 0:
            return False
        readable, _, _ = select.select([self._socket], [], [], 0)
        return not readable

    def isOpen(self) -> bool:  # noqa: N802 (thrift names the method)
        return self._socket.fileno() >= 0

    def open(self) -> None:
        """It is connected from the beginning."""

    def read(self, size: int) -> bytes:
        self._socket.settimeout(self._seconds_left())
        received = self._socket.recv(size)
        if not received:
            raise TTransportException(TTransportException.END_OF_FILE, "it hung up")
        self._room -= len(received)
        if self._room < 0:
            raise AnswerTooLarge
        return received

    def write(self, content: bytes) -> None:
        self._socket.settimeout(self._seconds_left())
        self._socket.sendall(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._socket.close()

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def open_socket(path: Path, *, deadline: float) -> SocketConnection:
    """A connection to the osqueryd that listens on `path`.

    Only a socket of root's or of our own user is trusted: anyone may put one where the other is
    not. Raises ConnectionBroken, also when the deadline passes.
    """
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        trusted = os.stat(path).st_uid in {0, os.geteuid()}  # noqa: PTH116 (as the kernel sees it)
        if trusted:
            connecting.settimeout(max(0.001, deadline - time.monotonic()))
            connecting.connect(os.fspath(path))
    except OSError as error:
        connecting.close()
        raise ConnectionBroken(error.strerror or type(error).__name__) from error
    if not trusted:
        connecting.close()
        raise ConnectionBroken("the socket is another user's")
    return SocketConnection(connecting)


def _in_short(error: Exception) -> str:
    """What went wrong, without a byte of what was received."""
    match error:
        case TTransportException(type=TTransportException.END_OF_FILE) | EOFError():
            return "it hung up"
        case OSError():
            return error.strerror or type(error).__name__
        case NotAnAnswer():
            return str(error)
        case _:
            return f"what it sent is no answer ({type(error).__name__})"
