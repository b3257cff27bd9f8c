"""What the agent logs with: for people on a terminal, as JSON lines elsewhere, to standard error.

Rows and secrets are never logged. Whoever logs keeps them out; values under the keys by which they
usually go are withheld here as well, in case somebody forgets.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_WITHHELD: Final = frozenset(
    {"rows", "row", "values", "token", "secret", "password", "key", "private_key", "authorization"}
)


def configure_logs(*, level: str = "info", terminal: bool | None = None) -> None:
    """Sends every log event of this process to standard error, from `level` up."""
    on_terminal = sys.stderr.isatty() if terminal is None else terminal
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _withhold(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    for key in _WITHHELD & event.keys():
        event[key] = "(withheld)"
    return event
