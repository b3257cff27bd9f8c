"""What the agent logs with: for people on a terminal, as JSON lines elsewhere, to standard error.

Rows and secrets are never logged. Whoever logs keeps them out; values under the keys by which they
usually go are withheld here as well, in case somebody forgets. What a query, a server or an error
says neither acts on a terminal nor passes for another event: JSON escapes by itself, and on a
terminal such signs are written as escapes, a traceback on lines that begin with a mark.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Protocol, TextIO, cast

import structlog

_WITHHELD: Final = frozenset(
    {"rows", "row", "values", "token", "secret", "password", "key", "private_key", "authorization"}
)

_MARK: Final = "    | "
"""Before each line of what follows an event on a terminal."""
_SEVERAL_LINES: Final = frozenset({"exception", "stack"})


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
        # Plain tracebacks: the rich ones print local variables, which hold rows and secrets.
        structlog.dev.ConsoleRenderer(
            colors=on_terminal, exception_formatter=structlog.dev.plain_traceback
        )
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
            *((_harmless_on_terminals,) if on_terminal else ()),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", where)),
    )


def _withhold(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    for key in _WITHHELD & event.keys():
        event[key] = "(withheld)"
    return event


def _harmless_on_terminals(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    return {
        name: "\n".join(f"{_MARK}{_harmless(line)}" for line in value.split("\n"))
        if name in _SEVERAL_LINES and isinstance(value, str)
        else _harmless(value)
        for name, value in event.items()
    }


def _harmless(value: object) -> object:
    if isinstance(value, str) and not value.isprintable():
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in value)
    return value
