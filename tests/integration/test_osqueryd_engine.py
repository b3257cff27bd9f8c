"""The engine over a real socket, with an osqueryd that is slow, hung, gone, mad, or back."""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import osqueryd as fake
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines import osqueryd_wire
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_attached import AttachedDaemon, attached_engine, connect

BUDGET = timedelta(seconds=20)
SHORT = timedelta(milliseconds=150)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "osquery.em"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(path: Path, clock: Clock) -> Iterator[OsquerydEngine]:
    engine = OsquerydEngine(AttachedDaemon(path, monotonic=clock), connect)
    yield engine
    engine.close()


@contextlib.contextmanager
def saying(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something else than osqueryd, which listens on `path` and says what it likes."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        listening.listen()
        threading.Thread(target=_serve, args=(listening, answer), daemon=True).start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            path.unlink()


def _serve(listening: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connected, _ = listening.accept()
            with connected, contextlib.suppress(OSError):
                connected.recv(65536)
                answer(connected)


def test_rows_come_with_their_columns_and_types(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path):
        answer = engine.query("SELECT 'x'", timeout=BUDGET)

    assert answer == Rows(({"x": "x"},), ("x",), ("TEXT",))
    assert (engine.name, engine.version) == ("osqueryd", fake.VERSION)


def test_a_table_that_is_not_there_is_an_answer(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path):
        answer = engine.query("SELECT * FROM nosuch", timeout=BUDGET)

    assert answer == QueryError(Reason.MISSING_TABLE, "no such table: nosuch")


def test_the_socket_that_is_not_there_is_a_lost_engine(engine: OsquerydEngine) -> None:
    with pytest.raises(EngineLost, match="No such file"):
        engine.query("SELECT 'x'", timeout=BUDGET)


def test_the_usual_engine_attaches_by_path_alone(path: Path) -> None:
    with fake.running(path):
        engine = attached_engine(path)

        assert isinstance(engine.query("SELECT 'x'", timeout=BUDGET), Rows)

        engine.close()
        with pytest.raises(EngineLost, match="closed"):
            engine.query("SELECT 'x'", timeout=BUDGET)


def test_a_slow_answer_is_a_timeout_in_time(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path):
        engine.query("SELECT 'x'", timeout=BUDGET)
        started = time.monotonic()

        answer = engine.query("SELECT wait", timeout=SHORT)

        assert answer == QueryError(Reason.TIMEOUT, "no answer in 0.15 s")
        assert time.monotonic() - started < 5


def test_the_answer_to_an_earlier_question_never_answers_a_later_one(
    path: Path, engine: OsquerydEngine, clock: Clock
) -> None:
    with fake.running(path) as manager:
        while not manager.waiting.is_set():  # its time may be over before the question is put
            clock.seconds += 3600
            engine.query("SELECT 'x'", timeout=BUDGET)  # to connect takes what it takes
            engine.query("SELECT wait", timeout=SHORT)
        manager.go_on.set()
        clock.seconds += 3600

        answers = [engine.query(f"SELECT '{text}'", timeout=BUDGET) for text in "abc"]

    assert [answer.rows for answer in answers if isinstance(answer, Rows)] == [
        ({text: text},) for text in "abc"
    ]


def test_a_foreign_daemon_that_overran_is_left_alone_for_longer_each_time(
    path: Path, engine: OsquerydEngine, clock: Clock
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT wait", timeout=SHORT)
        with pytest.raises(EngineLost, match="left alone"):
            engine.query("SELECT 'x'", timeout=BUDGET)

        clock.seconds += 16
        engine.query("SELECT wait", timeout=SHORT)
        clock.seconds += 16
        with pytest.raises(EngineLost, match="left alone"):
            engine.query("SELECT 'x'", timeout=BUDGET)

        clock.seconds += 16
        assert isinstance(engine.query("SELECT 'x'", timeout=BUDGET), Rows)
        assert manager.asked.count("SELECT 'x'") == 2  # the question, and its columns


def test_a_daemon_that_takes_the_connection_and_says_nothing_is_a_timeout(
    path: Path, engine: OsquerydEngine
) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(os.fspath(path))
        hung.listen()

        answer = engine.query("SELECT 'x'", timeout=SHORT)

    assert answer == QueryError(Reason.TIMEOUT, "no answer in 0.15 s")


def test_a_daemon_that_drips_its_answer_is_a_timeout_all_the_same(
    path: Path, engine: OsquerydEngine
) -> None:
    over = threading.Event()

    def drip(connected: socket.socket) -> None:
        while not over.wait(0.01):
            connected.sendall(b"\x80")

    with saying(path, drip):
        started = time.monotonic()
        with contextlib.suppress(EngineLost):  # the drops may also make up something unreadable
            engine.query("SELECT 'x'", timeout=SHORT)
        over.set()

    assert time.monotonic() - started < 5


def test_a_daemon_that_goes_in_the_middle_of_a_question_is_a_lost_engine(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        lost: list[EngineLost] = []

        def ask() -> None:
            try:
                engine.query("SELECT wait", timeout=BUDGET)
            except EngineLost as error:
                lost.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        assert manager.waiting.wait(10)

    asking.join(10)

    assert not asking.is_alive()
    assert len(lost) == 1


def test_a_daemon_that_comes_back_is_asked_again(
    path: Path, engine: OsquerydEngine, clock: Clock
) -> None:
    with fake.running(path):
        engine.query("SELECT 'before'", timeout=BUDGET)
    with pytest.raises(EngineLost):
        engine.query("SELECT 'meanwhile'", timeout=BUDGET)

    with fake.running(path):
        clock.seconds += 16
        answer = engine.query("SELECT 'after'", timeout=BUDGET)

    assert isinstance(answer, Rows)


def test_a_daemon_that_was_replaced_between_two_questions_is_not_even_noticed(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path):
        engine.query("SELECT 'before'", timeout=BUDGET)

    with fake.running(path):
        answer = engine.query("SELECT 'after'", timeout=BUDGET)

    assert isinstance(answer, Rows)


def _framed(name: bytes, *, status: bytes) -> bytes:
    """A Thrift reply to `name` whose result holds `status` as it is given."""
    return struct.pack("!I", 0x80010002) + struct.pack("!I", len(name)) + name + bytes(4) + status


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00" * 64,
        b"\xff" * 64,
        struct.pack("!I", 0x80010002) + struct.pack("!i", 2**31 - 1) + b"query",
        struct.pack("!I", 0x80010002) + struct.pack("!i", -5),
        _framed(b"query", status=b"\x00"),
        _framed(b"query", status=b"\x0c\x00\x00\x0c\x00\x01\x08\x00\x01" + bytes(4) + b"\x00\x00"),
        _framed(b"ping", status=b"\x00"),
        _framed(b"query", status=b"\x0c\x00\x00\x0f\x00\x02\x0d\x7f\xff\xff\xff"),
        _framed(b"query", status=b"\x0c\x00\x00\x0b\x00\x02\x00\x00\x00\x02\xff\xfe\x00"),
        _framed(b"query", status=b"\x0c\x00\x00" * 3000),
    ],
    ids=lambda sent: sent[:24].hex() or "nothing",
)
def test_garbage_is_a_lost_engine(path: Path, engine: OsquerydEngine, bytes_sent: bytes) -> None:
    with saying(path, lambda connected: connected.sendall(bytes_sent)), pytest.raises(EngineLost):
        engine.query("SELECT 'x'", timeout=BUDGET)


@given(st.binary(max_size=200))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_make_the_engine_fail_in_another_way(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "fuzz.em"
    engine = OsquerydEngine(AttachedDaemon(path), connect)
    sent = _framed(b"query", status=tail)

    with saying(path, lambda connected: connected.sendall(sent)), pytest.raises(EngineLost):
        engine.query("SELECT 'x'", timeout=BUDGET)

    engine.close()


def test_what_is_said_unasked_between_two_questions_is_not_taken_for_an_answer(
    path: Path, engine: OsquerydEngine
) -> None:
    with fake.running(path) as manager:
        engine.query("SELECT 'a'", timeout=BUDGET)
        connection = engine._connection  # noqa: SLF001 (the other end cannot be reached otherwise)
        assert isinstance(connection, osqueryd_wire.SocketConnection)
        assert connection.is_fresh
        manager.go_on.set()

        answer = engine.query("SELECT 'b'", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert answer.rows == ({"b": "b"},)


def test_an_answer_without_end_is_too_large(
    path: Path, engine: OsquerydEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osqueryd_wire, "MAX_ANSWER_BYTES", 1024 * 1024)
    with fake.running(path):
        answer = engine.query("SELECT huge", timeout=BUDGET)

    assert answer == QueryError(Reason.TOO_LARGE, "the answer is larger than an engine may give")


def test_waiting_for_its_turn_counts(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path) as manager:
        first = threading.Thread(
            target=engine.query, args=("SELECT wait",), kwargs={"timeout": BUDGET}
        )
        first.start()
        assert manager.waiting.wait(10)

        answer = engine.query("SELECT 'x'", timeout=SHORT)

        manager.go_on.set()
        first.join(10)

    assert answer == QueryError(Reason.TIMEOUT, "another query took all of its time")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_socket_of_another_user_is_not_trusted(path: Path, engine: OsquerydEngine) -> None:
    with fake.running(path) as manager:
        os.chown(path, 12345, 12345)

        with pytest.raises(EngineLost, match="another user's"):
            engine.query("SELECT 'x'", timeout=BUDGET)

        assert manager.asked == []
