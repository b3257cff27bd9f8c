"""What the agent logs with: for people on a terminal, as JSON lines elsewhere, to standard error.

Rows and secrets are never logged. Whoever logs keeps them out; values under the keys by which they
usually go are withheld here as well, in case somebody forgets.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Protocol, TextIO, cast

import structlog

_WITHHELD: Final = frozenset(
    {"rows", "row", "values", "token", "secret", "password", "key", "private_key", "authorization"}
)


class Written(Protocol):
    """Where lines can go: standard error, or a file of ours."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...

    def isatty(self) -> bool: ...


class _Nowhere:
    def write(self, text: str, /) -> int:
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


def configure_logs(
    *, level: str = "info", terminal: bool | None = None, into: Written | None = None
) -> None:
    """Sends every log event of this process to standard error, or `into`, from `level` up."""
    where = into or sys.stderr or _Nowhere()  # a service of Windows has no standard error
    on_terminal = where.isatty() if terminal is None else terminal
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=on_terminal)
        if on_terminal
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _withhold,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", where)),
    )


def _withhold(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    for key in _WITHHELD & event.keys():
        event[key] = "(withheld)"
    return event
