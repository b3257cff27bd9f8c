"""Runs the agent's parts together: one task group, one stop event, and a name for what failed."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog

log = structlog.get_logger()

Part = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, or raises."""


async def run_parts(parts: Mapping[str, Part], stop: asyncio.Event) -> None:
    """Runs every part until `stop` is set; the first one to end or to fail stops the others.

    What a part raised is raised in a group, after all have ended.
    """
    async with asyncio.TaskGroup() as group:
        for name, part in parts.items():
            group.create_task(_named(name, part, stop), name=name)


async def _named(name: str, part: Part, stop: asyncio.Event) -> None:
    try:
        await part(stop)
    except Exception as error:
        log.error("part_failed", part=name, error=str(error), kind=type(error).__name__)
        raise
    finally:
        if not stop.is_set():
            log.info("part_ended", part=name)
            stop.set()


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Sets `stop` on SIGTERM and SIGINT, so that the parts end in good order."""
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        for number in handled
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
