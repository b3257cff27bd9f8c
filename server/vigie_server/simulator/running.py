"""A run from its options to its result: in this process, or as parts in several."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vigie_server import clock
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.errors import SettingsMalformed, VigieError
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.connections import Connections, Endpoint, most_connections, resolved
from vigie_server.simulator.fleet_file import About, FleetFile, opened_fleet
from vigie_server.simulator.ledger import Ledger, opened_ledger
from vigie_server.simulator.member import Living, Member
from vigie_server.simulator.recorded import recordings
from vigie_server.simulator.run import Plan, Run
from vigie_server.simulator.session import Conversing
from vigie_server.simulator.tally import Tally
from vigie_server.simulator.tls import tls_context

PART_LINES: Final = 1 << 24
"""The longest line that a part of a run tells its tally in."""

Told = Callable[[Tally], None]
"""Takes the tally so far: at the start, now and then, and at the end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for. `part` of how many: devices are dealt out in turn."""

    fleet: Path
    recorded: Path
    servers: tuple[str, ...]
    plan: Plan
    changes: float
    ledger: Path | None
    every: float
    part: tuple[int, int] = (0, 1)


class PartFailed(VigieError):
    """A process of a run ended by itself; its own words came before."""


async def run_here(wanted: Wanted, stop: asyncio.Event, told: Told) -> Tally:
    """Runs this part in this process. Raises NotFound, FleetUnusable, SettingsMalformed."""
    with opened_fleet(wanted.fleet) as fleet, opened_ledger(wanted.ledger) as ledger:
        run = _built(wanted, fleet, ledger)
        tally = run.conversing.tally
        gc.collect()
        gc.freeze()
        began, cpu = time.monotonic(), time.process_time()

        def look() -> None:
            tally.cpu_seconds = time.process_time() - cpu
            tally.seconds = time.monotonic() - began
            told(tally)

        look()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_every(wanted.every, over, look))
            await run.run(stop)
            over.set()
        look()
        return tally


async def run_in_parts(
    arguments: Sequence[str], parts: int, stop: asyncio.Event, told: Told
) -> Tally:
    """Runs every part in a process of its own: this command with `--part` added.

    Raises PartFailed.
    """
    latest = [Tally() for _ in range(parts)]

    def tell(number: int, tally: Tally) -> None:
        latest[number] = tally
        if number == 0:
            told(_merged(latest))

    async with asyncio.TaskGroup() as tasks:
        for number in range(parts):
            command = [*arguments, "--part", f"{number}/{parts}"]
            tasks.create_task(_part(command, stop, partial(tell, number)))
    return _merged(latest)


async def _part(command: Sequence[str], stop: asyncio.Event, tell: Callable[[Tally], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vigie_server.simulator",
        *command,
        stdout=asyncio.subprocess.PIPE,
        limit=PART_LINES,
    )
    assert process.stdout is not None  # noqa: S101 (asked for above)
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(_stopped(process, stop))
        try:
            async for line in process.stdout:
                tell(Tally.read(json.loads(line)))
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
            stopping.cancel()
    if code:
        raise PartFailed(f"a part of the run ended with exit code {code}")


async def _stopped(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await stop.wait()
    with suppress(ProcessLookupError):
        process.terminate()


async def _every(seconds: float, over: asyncio.Event, look: Callable[[], None]) -> None:
    while not over.is_set():
        try:
            async with asyncio.timeout(seconds):
                await over.wait()
        except TimeoutError:
            look()


def _merged(tallies: Sequence[Tally]) -> Tally:
    found = Tally()
    for tally in tallies:
        found.merge(tally)
    return found


def _built(wanted: Wanted, fleet: FleetFile, ledger: Ledger) -> Run:
    about, catalogue = fleet.about, bundled_catalogue()
    answers = Answers(recordings(wanted.recorded), catalogue.topics, about.epoch)
    living = Living(
        seed=about.seed,
        answers=answers,
        intervals={
            name: int(topic.interval.total_seconds()) for name, topic in catalogue.topics.items()
        },
        period=max(1, round(wanted.plan.period)),
        share=wanted.changes,
        not_kept=frozenset(name for name, topic in catalogue.topics.items() if not topic.retention),
    )
    tally = Tally()
    loop = asyncio.get_running_loop()
    own, parts = wanted.part
    return Run(
        fleet=fleet,
        about=about,
        members={
            number: Member(number, kept, living)
            for number, kept in fleet.all_kept()
            if number % parts == own
        },
        plan=wanted.plan,
        connections=Connections(
            context=tls_context(about.authority),
            endpoints=_endpoints(wanted, about),
            tally=tally,
            most=most_connections(),
        ),
        conversing=Conversing(living, tally, ledger, clock.utc_now, loop.time),
    )


def _endpoints(wanted: Wanted, about: About) -> Sequence[Endpoint]:
    found = wanted.servers or about.endpoints
    if not found:
        raise SettingsMalformed("this fleet does not know its server: name it with --server")
    return [resolved(endpoint) for endpoint in found]
