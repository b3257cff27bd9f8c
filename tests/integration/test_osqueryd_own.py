"""An osqueryd of our own, as a real process: started, watched, killed, started again, stopped."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from fakes import osqueryd as fake
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines.extension import ExtensionHost
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_attached import connect
from vigie_agent.engines.osqueryd_own import OwnDaemon, flags, installed_osqueryd, own_engine

BUDGET = timedelta(seconds=30)
SHORT = timedelta(milliseconds=300)
AT_ONCE = timedelta(milliseconds=1)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that takes osqueryd's flags and speaks its language."""
    script = tmp_path / "osqueryd"
    script.write_text(
        f"#!/bin/sh\necho started >>'{tmp_path / 'starts'}'\n"
        f"PYTHONPATH='{Path(fake.__file__).parent.parent}'"
        f" exec '{sys.executable}' -W error '{fake.__file__}' \"$@\"\n"
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def daemon(program: Path, tmp_path: Path) -> Iterator[OwnDaemon]:
    daemon = OwnDaemon(program, tmp_path / "private", first_pause=AT_ONCE)
    yield daemon
    daemon.close()


@pytest.fixture
def engine(daemon: OwnDaemon) -> Iterator[OsquerydEngine]:
    engine = OsquerydEngine(daemon, connect)
    yield engine
    engine.close()


def pid_of(daemon: OwnDaemon) -> int:
    pid = daemon.pid
    assert pid is not None
    return pid


def gone(pid: int) -> bool:
    """Whether the process has ended, waiting for it a while."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)
    return not psutil.pid_exists(pid)


def test_it_starts_when_it_is_first_asked_and_says_all_it_wants_to(
    daemon: OwnDaemon, engine: OsquerydEngine
) -> None:
    assert daemon.pid is None

    answer = engine.query("SELECT 'x'", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert engine.version == fake.VERSION
    assert daemon.pid is not None


def test_it_keeps_nothing_logs_nothing_and_its_watchdog_is_on(
    engine: OsquerydEngine, tmp_path: Path
) -> None:
    answer = engine.query("SELECT flags", timeout=BUDGET)

    assert isinstance(answer, Rows)
    told = {row["flag"] for row in answer.rows}
    assert told == set(flags(tmp_path / "private", tmp_path / "private" / "osquery.em"))
    assert told >= {
        "--ephemeral=true",
        "--disable_database=true",
        "--disable_logging=true",
        "--disable_events=true",
        "--disable_watchdog=false",
        "--disable_distributed=true",
        "--disable_carver=true",
    }


def test_its_folder_is_nobody_elses(engine: OsquerydEngine, tmp_path: Path) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)

    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_a_daemon_killed_in_the_middle_of_a_question_is_lost_and_then_replaced(
    daemon: OwnDaemon, engine: OsquerydEngine
) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)
    first = pid_of(daemon)

    with pytest.raises(EngineLost):
        engine.query("SELECT die", timeout=BUDGET)
    answer = engine.query("SELECT 'y'", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert daemon.pid != first


def test_a_daemon_killed_between_two_questions_is_replaced_unnoticed(
    daemon: OwnDaemon, engine: OsquerydEngine
) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)
    first = pid_of(daemon)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

    answer = engine.query("SELECT 'y'", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert daemon.pid != first


def test_a_daemon_that_overruns_is_stopped_and_the_next_question_has_another(
    daemon: OwnDaemon, engine: OsquerydEngine
) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)
    first = pid_of(daemon)

    late = engine.query("SELECT wait", timeout=SHORT)
    answer = engine.query("SELECT 'y'", timeout=BUDGET)

    assert late == QueryError(Reason.TIMEOUT, "no answer in 0.3 s")
    assert gone(first)
    assert answer == Rows(({"y": "y"},), ("y",), ("TEXT",))


def until_stopped(pid: int) -> None:
    """Returns once the signal has arrived: every thread of the process stands still."""
    deadline = time.monotonic() + 10
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_daemon_that_is_stopped_in_its_tracks_is_a_timeout_and_then_replaced(
    daemon: OwnDaemon, engine: OsquerydEngine
) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)
    first = pid_of(daemon)
    os.kill(first, signal.SIGSTOP)
    until_stopped(first)

    late = engine.query("SELECT 'y'", timeout=SHORT)

    assert isinstance(late, QueryError)
    assert gone(first)
    assert isinstance(engine.query("SELECT 'z'", timeout=BUDGET), Rows)


def test_closing_the_engine_ends_the_daemon(daemon: OwnDaemon, engine: OsquerydEngine) -> None:
    engine.query("SELECT 'x'", timeout=BUDGET)
    pid = pid_of(daemon)

    engine.close()
    engine.close()

    assert gone(pid)


def test_a_daemon_that_ends_at_its_start_says_why(program: Path, tmp_path: Path) -> None:
    engine = OsquerydEngine(OwnDaemon(program, tmp_path / "die_at_start"), connect)

    with pytest.raises(EngineLost, match="a reason to end"):
        engine.query("SELECT 'x'", timeout=BUDGET)

    engine.close()


def test_a_daemon_that_keeps_ending_is_not_started_again_and_again(
    program: Path, tmp_path: Path
) -> None:
    daemon = OwnDaemon(program, tmp_path / "die_at_start", first_pause=timedelta(hours=1))
    engine = OsquerydEngine(daemon, connect)
    with pytest.raises(EngineLost):
        engine.query("SELECT 'x'", timeout=BUDGET)

    with pytest.raises(EngineLost, match="started again later"):
        engine.query("SELECT 'x'", timeout=BUDGET)

    assert (tmp_path / "starts").read_text() == "started\n"
    engine.close()


def test_a_program_that_is_not_there_is_a_lost_engine(tmp_path: Path) -> None:
    engine = own_engine(tmp_path / "nosuch", tmp_path / "private")

    with pytest.raises(EngineLost, match="No such file"):
        engine.query("SELECT 'x'", timeout=BUDGET)

    engine.close()


def test_what_a_killed_agent_left_behind_is_stopped_first(
    program: Path, tmp_path: Path, engine: OsquerydEngine
) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    with subprocess.Popen(
        [program, *flags(folder, folder / "osquery.em")], stdout=subprocess.DEVNULL
    ) as left:
        answer = engine.query("SELECT 'x'", timeout=BUDGET)

        assert isinstance(answer, Rows)
        assert gone(left.pid)


def test_a_path_too_long_for_a_socket_is_no_obstacle(program: Path, tmp_path: Path) -> None:
    engine = own_engine(program, tmp_path / ("long" * 30))

    answer = engine.query("SELECT 'x'", timeout=BUDGET)

    engine.close()
    assert isinstance(answer, Rows)


def test_a_daemon_that_will_not_have_our_tables_is_a_lost_engine(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_agent.engines.extension._NAME", "somebody else")
    daemon = OwnDaemon(program, tmp_path / "private", host=ExtensionHost(()))
    engine = OsquerydEngine(daemon, connect)

    with pytest.raises(EngineLost, match="it refuses our tables"):
        engine.query("SELECT 'x'", timeout=BUDGET)

    engine.close()


def test_a_platform_without_usual_places_has_no_osqueryd() -> None:
    assert installed_osqueryd("plan9") is None


def test_an_osqueryd_that_a_built_agent_carries_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = tmp_path / "osquery" / "osqueryd"
    carried.parent.mkdir()
    carried.touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "vigie-agent"))

    from_source = installed_osqueryd("plan9")
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert from_source is None
    assert installed_osqueryd("plan9") == carried
