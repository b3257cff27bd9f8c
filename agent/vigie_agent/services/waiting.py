"""Waiting that something may end early."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

Wait = Callable[[timedelta, asyncio.Event], Awaitable[None]]
"""Returns after the span, or as soon as the event is set."""


async def wait(span: timedelta, event: asyncio.Event) -> None:
    """The `Wait` of a running agent."""
    try:
        async with asyncio.timeout(span.total_seconds()):
            await event.wait()
    except TimeoutError:
        return


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception


async def first_of(*parts: Coroutine[Any, Any, T]) -> T:
    """What the first part to end returns or raises, as it is; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_kept(part)) for part in parts]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    outcome = next(task.result() for task in tasks if task in done)
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome


async def _kept(part: Coroutine[Any, Any, T]) -> T | _Raised:
    """Keeps a failure as a value: a task group would wrap it, and lose which one came first."""
    try:
        return await part
    except Exception as error:  # noqa: BLE001 (raised again by first_of)
        return _Raised(error)
