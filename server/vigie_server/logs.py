"""Logs are events: readable on a terminal, JSON elsewhere. Configured by the command line only."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger


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
            harmless if out.isatty() else structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if debug else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    # Libraries: warnings only, and never gRPC's, which name peers' addresses.
    logging.basicConfig(level=logging.WARNING, stream=out, format="%(levelname)s %(name)s")
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.access").disabled = True


def harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with texts that act on a terminal or end a line written as escapes.

    JSON escapes such signs by itself; the renderer for terminals writes most of them as they are.
    """
    return {name: _harmless(value) for name, value in event.items()}


def _harmless(value: object) -> object:
    if isinstance(value, str) and not value.isprintable():
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in value)
    return value
