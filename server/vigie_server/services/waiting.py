"""Waiting for whichever of several events comes first."""

import asyncio


async def either(*events: asyncio.Event, within: float | None = None) -> None:
    """Returns when one of the events is set, or after so many seconds."""
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
