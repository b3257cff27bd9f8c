"""Logs are events: readable on a terminal, JSON elsewhere. Configured by the command line only.

An event is one line. On a terminal its traceback follows on lines that begin with a mark, so that
no text of an error passes for another event; nothing in either acts on the terminal.
"""

import logging
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

_MARK: Final = "    | "
"""Before each line of what follows an event."""
_SEVERAL_LINES: Final = frozenset({"exception", "stack"})


def configure_logs(*, stream: TextIO | None = None, debug: bool = False) -> None:
    """Sends events to `stream` (standard error), one line each."""
    out = sys.stderr if stream is None else stream
    renderer: Any = (
        # Plain tracebacks: the rich ones print local variables, which hold what devices sent.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if out.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *((harmless,) if out.isatty() else ()),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if debug else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    # Libraries: warnings only, and never gRPC's, which name peers' addresses.
    handler = logging.StreamHandler(out)
    handler.setFormatter(_OfLibraries(terminal=out.isatty()))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.access").disabled = True


def harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with texts that act on a terminal or end a line written as escapes.

    JSON escapes such signs by itself; the renderer for terminals writes most of them as they are.
    """
    return {
        name: _marked(value)
        if name in _SEVERAL_LINES and isinstance(value, str)
        else _harmless(value)
        for name, value in event.items()
    }


class _OfLibraries(logging.Formatter):
    """What libraries say by themselves: that they did, and the traceback if there is one."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__("%(levelname)s %(name)s")
        self._terminal = terminal

    def format(self, record: logging.LogRecord) -> str:
        head, *traceback = super().format(record).split("\n")
        if not traceback:
            return str(_harmless(head))
        said = "\n".join(traceback)
        return f"{head}\n{_marked(said)}" if self._terminal else f"{head} {_harmless(said)}"


def _marked(text: str) -> str:
    return "\n".join(f"{_MARK}{_harmless(line)}" for line in text.split("\n"))


def _harmless(value: object) -> object:
    if isinstance(value, str) and not value.isprintable():
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in value)
    return value
