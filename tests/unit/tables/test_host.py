import os
import select
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.tables.host import Host, Outcome, run_command

SECONDS = timedelta(seconds=20)


def test_a_path_of_the_device_is_found_below_the_root(tmp_path: Path) -> None:
    host = Host(root=tmp_path)

    found = host.path("/etc/passwd")

    assert found == tmp_path / "etc/passwd"
    assert host.shown(found) == "/etc/passwd"
    assert host.shown(tmp_path) == "/"


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "motd").write_bytes(b"abc\xff")
    host = Host(root=tmp_path)

    text = host.read_text("/motd", max_bytes=4)

    assert text == "abc�"
    with pytest.raises(OSError, match="longer than 3 bytes"):
        host.read_text("/motd", max_bytes=3)
    assert host.text_or_empty("/motd", max_bytes=3) == ""


def test_a_pipe_without_a_writer_does_not_hang_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trap")

    with pytest.raises(OSError, match="not a regular file"):
        Host(root=tmp_path).read_bytes("/trap")


def test_a_command_answers_with_its_output_and_exit_code() -> None:
    result = run_command(
        ["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=SECONDS, max_output=1000
    )

    assert (result.outcome, result.exit_code) == (Outcome.EXITED, 3)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert not result.ok


def test_on_a_mac_nothing_of_a_folder_that_an_ordinary_account_may_own_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")

    result = run_command(["printenv", "PATH"], timeout=SECONDS, max_output=1000)

    assert result.stdout.strip().split(":") == ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]


def test_a_missing_program_is_a_result() -> None:
    result = run_command(["vigie-no-such-program"], timeout=SECONDS, max_output=10)

    assert result.outcome is Outcome.MISSING
    assert result.stderr == "vigie-no-such-program is not installed"


def test_a_slow_command_is_killed_with_its_children(tmp_path: Path) -> None:
    child, span = tmp_path / "child", timedelta(seconds=0.25)
    script = f"sleep 1000 & echo $! > {child}; wait"

    while not (child.exists() and child.read_text()):  # a busy machine may not even have begun
        span *= 2
        result = run_command(["sh", "-c", script], timeout=span, max_output=10)

    assert result.outcome is Outcome.TIMED_OUT
    assert _ends(int(child.read_text()))


def test_a_command_that_prints_without_end_is_cut() -> None:
    result = run_command(["yes"], timeout=SECONDS, max_output=10)

    assert result.outcome is Outcome.TOO_LONG
    assert result.stdout == "y\ny\ny\ny\ny\n"


def test_a_command_sees_the_c_locale_and_none_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_ENROLMENT_TOKEN", "secret")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")

    result = run_command(["env"], timeout=SECONDS, max_output=10_000)

    assert "secret" not in result.stdout
    assert "LC_ALL=C\n" in result.stdout
    assert "fr_FR" not in result.stdout


def _ends(pid: int) -> bool:
    """Whether the process ends, waiting for it a while; nobody need have reaped it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)
