"""Runs the agent's parts together: one task group, one stop event, and a name for what failed."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

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
def stopped_by_signals(stop: asyncio.Event, *, with_input: bool = False) -> Iterator[None]:
    """Sets `stop` on SIGTERM and SIGINT, so that the parts end in good order.

    `with_input`: when standard input ends too, for a program below a service of Windows, which has
    no signals. That one may have been killed: then its end of the pipe is gone as well.
    """
    loop = asyncio.get_running_loop()
    if with_input:
        threading.Thread(target=_until_input_ends, args=(loop, stop), daemon=True).start()
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


def _until_input_ends(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Programs that are started meanwhile must not wait for this read: Windows does one at a time.
    held = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    with suppress(OSError):
        while os.read(held, 4096):
            pass
    with suppress(RuntimeError):  # it has ended by then
        loop.call_soon_threadsafe(stop.set)
