"""A log in a file keeps to its bound, and the newest lines are there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from vigie_agent.cli.outcome import CommandLine
from vigie_agent.domain.errors import SettingsMalformed
from vigie_agent.log_file import LogFile
from vigie_agent.logs import configure_logs


@pytest.fixture(autouse=True)
def default_logs_afterwards() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_full_log_makes_room_and_keeps_the_newest_lines(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "agent.log"
    log = LogFile(path, max_bytes=400)
    for number in range(100):
        log.write(f"line {number:04}\n")

    older = path.with_name("agent.log.1")
    lines = (older.read_text() + path.read_text()).splitlines()
    assert path.stat().st_size + older.stat().st_size <= 400
    assert sorted(found.name for found in path.parent.iterdir()) == ["agent.log", "agent.log.1"]
    assert lines == [f"line {number:04}" for number in range(100 - len(lines), 100)]
    assert len(lines) > 20


def test_a_log_goes_on_after_a_restart_and_counts_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    for number in range(30):
        log = LogFile(path, max_bytes=200)
        log.write(f"start {number:03}\n")

    assert path.stat().st_size <= 100
    assert path.read_text().splitlines()[-1] == "start 029"


def test_two_programs_write_into_one_log_and_keep_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    service, below = LogFile(path, max_bytes=200), LogFile(path, max_bytes=200)

    for number in range(20):
        service.write(f"service {number:03}\n")
        below.write(f"below {number:03}\n")

    assert path.stat().st_size <= 100
    assert path.read_text().splitlines()[-2:] == ["service 019", "below 019"]


def test_a_full_disk_stops_nothing() -> None:
    log = LogFile(Path("/dev/full"), max_bytes=1000)

    log.write("a line\n")
    log.flush()


def test_a_file_that_cannot_be_moved_takes_no_more_than_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise PermissionError("somebody looks at it")

    log = LogFile(tmp_path / "agent.log", max_bytes=200)
    monkeypatch.setattr(Path, "replace", held)
    for number in range(40):
        log.write(f"line {number:03}\n")
    monkeypatch.undo()
    log.write("it was let go\n")

    assert (tmp_path / "agent.log.1").stat().st_size <= 100
    assert (tmp_path / "agent.log").read_text() == "it was let go\n"


def test_a_log_that_cannot_be_opened_is_told_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()

    with pytest.raises(SettingsMalformed, match=r"a file/agent\.log: File exists"):
        CommandLine().log_into(tmp_path / "a file" / "agent.log", 1000)


def test_events_go_into_the_file_as_json_and_rows_are_withheld(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "agent.log", max_bytes=10_000)
    configure_logs(into=log)

    structlog.get_logger().info("topic_collected", topic="été", token="vigie1.secret")

    (line,) = (tmp_path / "agent.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["topic"] == "été"
    assert "vigie1.secret" not in line


def test_a_service_without_standard_error_logs_nowhere_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr", None)

    configure_logs()

    structlog.get_logger().info("agent_started")
