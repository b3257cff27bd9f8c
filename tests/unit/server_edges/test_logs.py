"""A log line is one line, and nothing that a device said acts on the terminal that shows it."""

import logging
import re
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from vigie_server.logs import configure_logs

HOSTILE = "\x1b[2J\x07\u202e"


class Terminal(StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def default_logs_afterwards() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = handlers
    structlog.reset_defaults()


@pytest.mark.parametrize("kind", [Terminal, StringIO])
@pytest.mark.parametrize("said", [HOSTILE, f"{HOSTILE} poste\r\nserver_started"])
def test_what_a_device_said_is_shown_as_escapes_on_one_line(
    kind: type[StringIO], said: str
) -> None:
    written = kind()
    configure_logs(stream=written)

    structlog.get_logger().warning("session_refused", error=said)

    line = written.getvalue().removesuffix("\n")
    line = re.sub(r"\x1b\[\d*m", "", line)  # the colours of the log's own
    assert "session_refused" in line
    assert "2J" in line
    assert [sign for sign in line if not sign.isprintable()] == []


@pytest.mark.parametrize("by", ["us", "a library"])
@pytest.mark.parametrize("kind", [Terminal, StringIO])
def test_the_text_of_an_error_neither_acts_nor_passes_for_another_event(
    kind: type[StringIO], by: str
) -> None:
    written = kind()
    for handler in logging.root.handlers[:]:
        logging.root.removeHandler(handler)
    configure_logs(stream=written)

    try:
        int(f"{HOSTILE} poste\r\n2026-03-01T12:00:00Z [info ] server_started")
    except ValueError:
        if by == "us":
            structlog.get_logger().exception("session_failed")
        else:
            logging.getLogger("asyncio").exception("%s", HOSTILE)

    text = re.sub(r"\x1b\[\d*m", "", written.getvalue()).removesuffix("\n")
    first, *others = text.split("\n")
    assert "session_failed" in first or first.startswith("ERROR asyncio")
    assert [line for line in others if not line.startswith("    | ")] == []
    assert (len(others) > 2) == (kind is Terminal)
    assert "server_started" in text
    assert [sign for sign in text if not sign.isprintable() and sign != "\n"] == []
