"""A log line is one line, and nothing that a device said acts on the terminal that shows it."""

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
    yield
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
