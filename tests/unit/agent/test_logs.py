"""Logs are lines for people on a terminal and JSON elsewhere, without rows or secrets."""

import json
import re
from collections.abc import Iterator

import pytest
import structlog

from vigie_agent.logs import configure_logs


@pytest.fixture(autouse=True)
def default_logs_afterwards() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_elsewhere_than_on_a_terminal_a_log_line_is_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(terminal=False)

    structlog.get_logger().info("topic_collected", topic="fans", row_count=3)

    captured = capsys.readouterr()
    line = json.loads(captured.err)
    assert captured.out == ""
    assert line.items() >= {"event": "topic_collected", "topic": "fans", "row_count": 3}.items()
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_on_a_terminal_a_log_line_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(terminal=True)

    structlog.get_logger().warning("engine_lost", topic="fans")

    assert "engine_lost" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_text_says_neither_acts_on_a_terminal_nor_passes_for_another_event(
    capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    configure_logs(terminal=terminal)
    hostile = "\x1b[2J\x07\u202e poste\r\n2026-03-01T12:00:00Z [info ] agent_started"

    structlog.get_logger().warning("session_refused", error=hostile)
    try:
        int(hostile)
    except ValueError:
        structlog.get_logger().exception("topic_failed")

    text = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().err).removesuffix("\n")
    lines = [line for line in text.split("\n") if not line.startswith("    | ")]
    assert ["session_refused" in lines[0], "topic_failed" in lines[1]] == [True, True]
    assert len(lines) == 2
    acting = set("\x1b\x07\r" if not terminal else "\x1b\x07\r\u202e")
    assert acting.isdisjoint(text)


def test_rows_and_secrets_are_withheld_if_somebody_logs_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(terminal=False)

    structlog.get_logger().info("oops", rows=[{"user": "anne"}], token="vigie1.x", secret=b"s")

    text = capsys.readouterr().err
    assert "anne" not in text
    assert "vigie1.x" not in text
    assert text.count("(withheld)") == 3


def test_what_is_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="warning", terminal=False)

    structlog.get_logger().info("topic_collected")

    assert capsys.readouterr().err == ""
