"""A progress bar hides the terminal's cursor; whatever ends the command gives it back."""

import signal
import sys
from io import StringIO

import pytest

from vigie_server.cli.output import progress

HIDDEN = "\x1b[?25l"
SHOWN = "\x1b[?25h"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_gives_the_cursor_back(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), progress(2, "Copying"):
        signal.raise_signal(number)

    assert terminal.getvalue().rindex(SHOWN) > terminal.getvalue().rindex(HIDDEN)
    assert signal.getsignal(signal.SIGTERM) is before
