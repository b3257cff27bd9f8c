"""The parts of the agent stop together, and the one that failed is named."""

import asyncio
import os
import signal

import pytest
from structlog.testing import capture_logs

from vigie_agent.domain.errors import SpoolUnusable
from vigie_agent.supervisor import run_parts, stopped_by_signals


class Waiting:
    """A part that does nothing until it is stopped."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.ended_well = False

    async def __call__(self, stop: asyncio.Event) -> None:
        self.started.set()
        await stop.wait()
        self.ended_well = True


async def test_parts_run_until_they_are_told_to_stop() -> None:
    one, other, stop = Waiting(), Waiting(), asyncio.Event()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(run_parts({"one": one, "other": other}, stop))
        await other.started.wait()
        stop.set()

    assert one.ended_well
    assert other.ended_well


async def test_the_first_part_to_fail_stops_the_others_and_is_named() -> None:
    async def failing(stop: asyncio.Event) -> None:  # noqa: ARG001 (a part's signature)
        raise SpoolUnusable("no space left on device")

    stop = asyncio.Event()

    with capture_logs() as logs, pytest.RaisesGroup(SpoolUnusable):
        async with asyncio.timeout(20):
            await run_parts({"rounds": Waiting(), "delivery": failing}, stop)

    assert stop.is_set()
    assert {
        "event": "part_failed",
        "part": "delivery",
        "error": "no space left on device",
        "kind": "SpoolUnusable",
        "log_level": "error",
    } in logs


async def test_a_part_that_ends_by_itself_stops_the_others() -> None:
    async def done(stop: asyncio.Event) -> None:
        """Nothing more to do."""

    waiting, stop = Waiting(), asyncio.Event()

    async with asyncio.timeout(20):
        await run_parts({"waiting": waiting, "done": done}, stop)

    assert waiting.ended_well


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process that is sent SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_parts_in_good_order(number: signal.Signals) -> None:
    waiting, stop = Waiting(), asyncio.Event()
    before = signal.getsignal(number)

    async with asyncio.timeout(20):
        with stopped_by_signals(stop):
            async with asyncio.TaskGroup() as group:
                group.create_task(run_parts({"waiting": waiting}, stop))
                await waiting.started.wait()
                os.kill(os.getpid(), number)

    assert waiting.ended_well
    assert signal.getsignal(number) is before
