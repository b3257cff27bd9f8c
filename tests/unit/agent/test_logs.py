"""Logs are lines for people on a terminal and JSON elsewhere, without rows or secrets."""

import json
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
