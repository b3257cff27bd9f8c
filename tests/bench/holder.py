"""Devices that stay: each holds a stream of its own and beats by the clock, as an agent does.

`python -m bench.holder` in a process of its own: a `Plan` as JSON on the first line of standard
input, then commands, a line each: `port N` (the server is there from now on), `begin` (figures from
here on), `tell` (the figures as a line of JSON). It ends with its standard input.

The loop is open: each device beats at its own moments, however the server does. A heartbeat has no
answer, so every `probe` th of them is followed at once by a report of nothing: its acknowledgement
says that both were heard, and when.
"""

import asyncio
import gc
import json
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from vigie.v1 import telemetry_pb2
from vigie_agent.domain.backoff import Backoff, as_asked
from vigie_agent.domain.session import Intervals
from vigie_server.clock import utc_now
from vigie_server.simulator.connections import most_connections
from vigie_server.simulator.fleet_file import FleetFile, opened_fleet
from vigie_server.simulator.histogram import Histogram
from vigie_server.simulator.member import ENGINE, VERSION, boot_id, moment
from vigie_server.simulator.stream import Stream, opened_stream
from vigie_server.simulator.tls import tls_context

LATE: Final = 1.0
"""Seconds after its moment at which an acknowledgement is late."""
PATIENCE: Final = 30.0
"""Seconds that a device waits for Welcome, as agents do."""
TOGETHER: Final = 250
"""Devices that connect at once: more of them wait for this process, which real ones do not."""
SERVER: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which devices of a fleet stay (by number, `until` left out), and how they do."""

    fleet: str
    port: int
    first: int
    until: int
    per_second: float
    heartbeat: float
    probe: int


@dataclass(slots=True)
class Figures:
    """What was counted since `begin`."""

    began: float
    cpu: float
    heartbeats: int = 0
    probes: int = 0
    acknowledged: int = 0
    late: int = 0
    acks: Histogram = field(default_factory=Histogram)
    """From a heartbeat's moment to the acknowledgement behind it."""
    greetings: Histogram = field(default_factory=Histogram)
    """From the start of a connection to Welcome."""
    waits: Histogram = field(default_factory=Histogram)
    """How long devices waited for this process until they connected."""
    lag: Histogram = field(default_factory=Histogram)
    """How late this process was itself."""
    asked: Counter[int] = field(default_factory=Counter)
    """Goodbyes, by the second after them that they ask the device back at."""
    goodbyes: Counter[int] = field(default_factory=Counter)
    """Goodbyes, by the second since `begin` at which they came."""
    back: Counter[int] = field(default_factory=Counter)
    """Welcomes, by the second since `begin` at which they came."""
    ends: Counter[str] = field(default_factory=Counter)

    def goodbye(self, asked: timedelta) -> None:
        """A server said it, and asked the device back after that long."""
        self.asked[int(asked.total_seconds())] += 1
        self.goodbyes[self.second()] += 1

    def second(self) -> int:
        """Whole seconds since `begin`."""
        return int(time.monotonic() - self.began)

    def kept(self) -> dict[str, object]:
        """As data."""
        return {
            "seconds": time.monotonic() - self.began,
            "cpu": time.process_time() - self.cpu,
            "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            **{name: getattr(self, name) for name in COUNTS},
            **{name: getattr(self, name).kept() for name in HISTOGRAMS},
            **{name: dict(getattr(self, name)) for name in COUNTERS},
        }


COUNTS: Final = ("heartbeats", "probes", "acknowledged", "late")
HISTOGRAMS: Final = ("acks", "greetings", "waits", "lag")
COUNTERS: Final = ("asked", "goodbyes", "back", "ends")


def fresh() -> Figures:
    """Figures that begin now."""
    return Figures(time.monotonic(), time.process_time())


@dataclass(slots=True)
class Holding:
    """All devices of this process."""

    plan: Plan
    fleet: FleetFile
    figures: Figures
    port: int
    held: int = 0
    beats: int = 0
    """Heartbeats sent, ever."""

    def __post_init__(self) -> None:
        self.about = self.fleet.about
        self.tls = tls_context(self.about.authority)
        self.connecting = asyncio.Semaphore(TOGETHER)

    about: Any = field(init=False)
    tls: Any = field(init=False)
    connecting: asyncio.Semaphore = field(init=False)

    async def stay(self) -> None:
        """Connects the devices one after another, and keeps them connected."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for place, number in enumerate(range(self.plan.first, self.plan.until)):
                early = began + place / self.plan.per_second - time.monotonic()
                if early > 0:
                    await asyncio.sleep(early)
                tasks.create_task(Device(self, number).stay())

    def told(self) -> str:
        """The figures as a line."""
        return json.dumps({"held": self.held, "beats": self.beats, **self.figures.kept()})


class Device:
    """One device, which is connected whenever it can be."""

    __slots__ = ("_acked", "_beats", "_due", "_holding", "_number", "_seq", "_stream", "_timer")

    def __init__(self, holding: Holding, number: int) -> None:
        self._holding = holding
        self._number = number
        self._seq = self._acked = 0
        self._beats = 0
        self._due: dict[int, float] = {}
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def stay(self) -> None:
        """Until the process ends; comes back as agents do."""
        failures, backoff = 0, Backoff()
        while True:
            asked, intervals, why = await self._session()
            self._holding.figures.ends[why] += 1
            if intervals is not None:
                failures, backoff = 0, Backoff().told(intervals)
            jitter = random.random()
            if asked is None:
                failures += 1
                wait = backoff.wait(failures, jitter=jitter)
            else:
                wait = as_asked(asked, jitter=jitter)
            await asyncio.sleep(wait.total_seconds())

    async def _session(self) -> tuple[timedelta | None, Intervals | None, str]:
        """When the server wants the device back, what it was told if it was welcomed, and why."""
        holding = self._holding
        due = time.monotonic()
        await holding.connecting.acquire()
        connecting = True
        holding.figures.waits.record(time.monotonic() - due)
        stream, welcomed, asked, why = None, None, None, "ended"
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE) as limit:
                stream = await opened_stream(
                    holding.tls,
                    holding.fleet.identity(self._number),
                    (SERVER, holding.port),
                    SERVER,
                    self._hello(),
                )
                while (message := await stream.message()) is not None:
                    answer = telemetry_pb2.SessionResponse.FromString(message)
                    match answer.WhichOneof("message"):
                        case "welcome":
                            holding.figures.greetings.record(time.monotonic() - began)
                            limit.reschedule(None)
                            holding.connecting.release()
                            connecting = False
                            welcomed = self._welcomed(stream, answer.welcome)
                        case "ack":
                            self._acknowledged(answer.ack.seq)
                        case "goodbye":
                            self._stream_over()
                            asked = answer.goodbye.retry_after.ToTimedelta()
                            holding.figures.goodbye(asked)
                            why = f"goodbye: {answer.goodbye.reason}"
                        case _:
                            pass
                status = stream.status
                if asked is None and status is not None:
                    asked, why = status.retry_after, f"status {status.code}: {status.message}"
        except TimeoutError:
            why = "not welcomed in time"
        except OSError as error:
            why = f"{type(error).__name__}: {error}"
        finally:
            if connecting:
                holding.connecting.release()
            self._left(stream)
        return asked, welcomed, why

    def _hello(self) -> bytes:
        hello = telemetry_pb2.Hello(
            agent_version=VERSION,
            engine=ENGINE,
            engine_version="5.23.1",
            platform="linux",
            boot_id=boot_id(self._number),
            spool_id=self._holding.about.spool_id(self._number),
            highest_seq=self._seq,
            sent_at=moment(utc_now()),
        )
        return telemetry_pb2.SessionRequest(hello=hello).SerializeToString()

    def _welcomed(self, stream: Stream, welcome: telemetry_pb2.Welcome) -> Intervals | None:
        holding, told = self._holding, welcome.intervals
        self._seq = max(self._seq, welcome.resume_after)
        self._due.clear()
        if not told.stay:
            holding.figures.ends["not given a place"] += 1
        holding.held += 1
        holding.figures.back[holding.figures.second()] += 1
        self._stream = stream
        every = holding.plan.heartbeat
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(random.random() * every, self._beat, None)
        return Intervals(
            stay=told.stay,
            heartbeat=told.heartbeat.ToTimedelta(),
            visit=told.visit.ToTimedelta(),
            reconnect=told.reconnect.ToTimedelta(),
        )

    def _left(self, stream: Stream | None) -> None:
        if stream is not None:
            stream.abort()
        self._stream_over()

    def _stream_over(self) -> None:
        if self._stream is not None:
            self._stream = None
            self._holding.held -= 1
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self, due: float | None) -> None:
        loop, holding = asyncio.get_running_loop(), self._holding
        stream, figures, plan = self._stream, holding.figures, holding.plan
        if stream is None or stream.status is not None:
            return
        now = loop.time()
        due = now if due is None else due
        figures.lag.record(now - due)
        beat = telemetry_pb2.Heartbeat(sent_at=moment(utc_now()))
        stream.send(telemetry_pb2.SessionRequest(heartbeat=beat).SerializeToString())
        figures.heartbeats += 1
        holding.beats += 1
        self._beats += 1
        if (self._number + self._beats) % plan.probe == 0:
            self._seq += 1
            self._due[self._seq] = due
            report = telemetry_pb2.Report(seq=self._seq, sent_at=moment(utc_now()))
            report.elapsed.FromSeconds(0)
            stream.send(telemetry_pb2.SessionRequest(report=report).SerializeToString())
            figures.probes += 1
        self._timer = loop.call_at(due + plan.heartbeat, self._beat, due + plan.heartbeat)

    def _acknowledged(self, seq: int) -> None:
        now, figures = asyncio.get_running_loop().time(), self._holding.figures
        for one in [one for one in self._due if one <= seq]:
            took = now - self._due.pop(one)
            figures.acks.record(took)
            figures.acknowledged += 1
            figures.late += took > LATE


async def obey(holding: Holding) -> None:
    """Does what standard input says, until its end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    commands: dict[str, Callable[[str], None]] = {
        "port": lambda given: setattr(holding, "port", int(given)),
        "begin": lambda _: setattr(holding, "figures", fresh()),
        "tell": lambda _: print(holding.told(), flush=True),
    }
    while line := (await reader.readline()).decode().split():
        commands[line[0]](line[-1])


async def hold(plan: Plan) -> None:
    """The whole plan."""
    with opened_fleet(Path(plan.fleet)) as fleet:
        holding = Holding(plan, fleet, fresh(), plan.port)
        staying = asyncio.ensure_future(holding.stay())
        await obey(holding)
        staying.cancel()
        with suppress(asyncio.CancelledError):
            await staying


def _line() -> bytes:
    """The first line of standard input, and nothing that comes behind it."""
    read = bytearray()
    while not read.endswith(b"\n"):
        read += os.read(sys.stdin.fileno(), 1)
    return bytes(read)


def main() -> None:
    """Reads the plan, and carries it out."""
    most_connections()
    plan = Plan(**json.loads(_line()))
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    asyncio.run(hold(plan))


if __name__ == "__main__":
    main()
