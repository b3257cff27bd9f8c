"""A few simulated devices, told one by one what to say: for the demo and for tests.

Each enrols over the enrolment port, and delivers every topic in one report when it is told to; the
times of its recording are then as far back as they were when it was made.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import telemetry_pb2
from vigie_server.domain.topics import Topic
from vigie_server.simulator.answers import whole
from vigie_server.simulator.chance import bytes_of
from vigie_server.simulator.connections import resolved
from vigie_server.simulator.enrolling import FleetRefused, enrolling
from vigie_server.simulator.identity import Identity
from vigie_server.simulator.member import VERSION
from vigie_server.simulator.naming import PLACES, Names, names_of, people_of, renamed
from vigie_server.simulator.recorded import Recording, Rows
from vigie_server.simulator.stream import Stream, opened_stream
from vigie_server.simulator.tls import tls_context

__all__ = ["PLACES", "Addresses", "Fleet", "FleetRefused", "SimulatedDevice", "simulated_devices"]

_ENROL_TOGETHER: Final = 8
_VISITS: Final = 4


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the server is, and the authority it shows (PEM)."""

    enrolment: str
    telemetry: str
    authority: bytes


@dataclass(slots=True)
class SimulatedDevice:
    """One device: its name, its recorded state, and its identity once it has enrolled."""

    hostname: str
    serial: str
    recording: Recording
    seed: int
    seq: int = 0
    identity: Identity | None = None
    authority: bytes = b""
    spool_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.spool_id = bytes_of(16, "spool", self.seed)

    @property
    def names(self) -> Names:
        """What the device calls itself."""
        return Names(self.hostname, self.serial, names_of(0, self.seed).uuid, self.seed)

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        """Its identity for gRPC's own client."""
        assert self.identity is not None  # noqa: S101 (enrolled before)
        return self.identity.channel_credentials(self.authority)

    def rows(self, now: datetime, declared: Mapping[str, Topic]) -> Mapping[str, Rows]:
        """The recorded rows, as of `now`, under this device's own names."""
        people, names = people_of(self.recording), self.names
        moved = self.recording.moved_to(now, declared)
        return {topic: renamed(rows, names, people) for topic, rows in moved.items()}


def simulated_devices(count: int, recordings: Sequence[Recording]) -> list[SimulatedDevice]:
    """`count` devices over the recordings in turn; the same ones at each call."""
    return [
        SimulatedDevice(names.hostname, names.serial, recordings[number % len(recordings)], number)
        for number in range(count)
        for names in (names_of(0, number),)
    ]


class _ToldToResume(FleetRefused):
    """The server said goodbye in mid-visit: the store moved on meanwhile, or the server is full."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Enrols simulated devices and lets them report."""

    addresses: Addresses
    secret: bytes
    topics: Mapping[str, Topic]
    now: Callable[[], datetime]

    async def join(
        self, devices: Sequence[SimulatedDevice], *, joined: Callable[[int], None]
    ) -> None:
        """Every device enrols and delivers a first report; `joined` is told how many have."""
        waiting = asyncio.Semaphore(_ENROL_TOGETHER)
        done = 0

        async def one(device: SimulatedDevice) -> None:
            nonlocal done
            async with waiting:
                await self.enrol(device)
                await self.report(device)
            done += 1
            joined(done)

        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(one(device))

    async def enrol(self, device: SimulatedDevice) -> None:
        """Exchanges the token's secret for a certificate. Raises FleetRefused."""
        at, authority = self.addresses.enrolment, self.addresses.authority
        async with enrolling(at, authority, self.secret) as desk:
            enrolled = await desk.enrol(device.names, device.recording.platform)
        device.identity, device.authority = enrolled.identity, enrolled.authority

    async def report(self, device: SimulatedDevice) -> None:
        """One visit: Hello, one report of every topic, its acknowledgement.

        A device that is told to resume comes back at once, as an agent does after a while. Raises
        FleetRefused when it is sent away again and again.
        """
        for _ in range(_VISITS - 1):
            with suppress(_ToldToResume):
                await self._visit(device)
                return
        await self._visit(device)

    async def _visit(self, device: SimulatedDevice) -> None:
        assert device.identity is not None  # noqa: S101 (enrolled before)
        endpoint = resolved(self.addresses.telemetry)
        context = tls_context(self.addresses.authority)
        device.seq += 1
        hello = telemetry_pb2.SessionRequest(hello=_hello(device)).SerializeToString()
        stream = await opened_stream(
            context, device.identity, (endpoint.address, endpoint.port), endpoint.name, hello
        )
        try:
            await self._converse(device, stream)
        finally:
            stream.close()

    async def _converse(self, device: SimulatedDevice, stream: Stream) -> None:
        while (message := await stream.message()) is not None:
            answer = telemetry_pb2.SessionResponse.FromString(message)
            match answer.WhichOneof("message"):
                case "welcome":
                    report = self._report(device)
                    stream.send(telemetry_pb2.SessionRequest(report=report).SerializeToString())
                case "ack" if answer.ack.seq >= device.seq:
                    stream.finish()
                case "goodbye":
                    raise _ToldToResume(f"{device.hostname}: {answer.goodbye.reason}")
                case "disable":
                    raise FleetRefused(f"{device.hostname}: {answer.disable.reason}")
                case _:
                    pass
        assert stream.status is not None  # noqa: S101 (the stream says so by None)
        if stream.status.code:
            raise FleetRefused(f"{device.hostname}: {stream.status.message}")

    def _report(self, device: SimulatedDevice) -> telemetry_pb2.Report:
        now = self.now()
        moment = Timestamp()
        moment.FromDatetime(now)
        report = telemetry_pb2.Report(seq=device.seq, collected_at=moment, sent_at=moment)
        report.elapsed.FromSeconds(0)
        report.snapshots.extend(
            whole(self.topics[topic], rows) for topic, rows in device.rows(now, self.topics).items()
        )
        return report


def _hello(device: SimulatedDevice) -> telemetry_pb2.Hello:
    return telemetry_pb2.Hello(
        agent_version=VERSION,
        engine="osqueryd",
        engine_version="5.23.1",
        platform=device.recording.platform,
        boot_id=f"simulated-{device.seed}",
        spool_id=device.spool_id,
        highest_seq=device.seq,
    )
