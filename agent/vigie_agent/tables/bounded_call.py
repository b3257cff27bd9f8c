"""Calls that may hang below us, bounded in time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from vigie_agent.tables.windows_system import Reason, Unread

T = TypeVar("T")

_MAX_LEFT_BEHIND: Final = 4


class BoundedCalls:
    """Runs calls one by one in threads of their own; one that overruns is left behind.

    A thread cannot be ended from outside: one that hangs stays until what it waits for ends. At
    most four do; while that many hang, nothing more is asked.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._left_behind: list[threading.Thread] = []

    def __call__(self, call: Callable[[], T | Unread], timeout: timedelta) -> T | Unread:
        """What `call` returns, or `Unread(TIMED_OUT)`. What it raises is raised here."""
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        if len(self._left_behind) >= _MAX_LEFT_BEHIND:
            return Unread(Reason.TIMED_OUT)
        answers: list[T | Unread] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                answers.append(call())
            except Exception as error:  # noqa: BLE001 (raised again by the caller's thread)
                errors.append(error)

        thread = threading.Thread(target=run, name=self._name, daemon=True)
        thread.start()
        thread.join(timeout.total_seconds())
        if errors:
            raise errors[0]
        if not answers:
            self._left_behind.append(thread)
            return Unread(Reason.TIMED_OUT)
        return answers[0]
