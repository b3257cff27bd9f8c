"""The load: devices with real certificates that send ready-made messages as fast as they are taken.

Messages are serialized before the clock starts, so that the client costs little and the server is
what is measured.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from time import perf_counter

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.domain.topics import Topic
from vigie_server.simulator.fleet import SimulatedDevice

Stream = grpc.aio.StreamStreamMultiCallable[bytes, telemetry_pb2.SessionResponse]

SESSION = "/vigie.v1.TelemetryService/Session"
TOPIC = "firewall"


@dataclass(frozen=True, slots=True)
class Script:
    """What one device sends after its hello: reports `first_seq` to `last_seq` are among it."""

    messages: Sequence[bytes]
    first_seq: int
    last_seq: int


def hello(device: SimulatedDevice) -> bytes:
    """The greeting of a device on its own spool."""
    return telemetry_pb2.SessionRequest(
        hello=telemetry_pb2.Hello(
            agent_version="bench",
            engine="osqueryd",
            engine_version="5.23.1",
            platform=device.recording.platform,
            boot_id=f"bench-{device.seed}",
            spool_id=device.spool_id,
        )
    ).SerializeToString()


class Change(StrEnum):
    """What of a firewall of ten rows is new in each report."""

    BESIDE = "beside what rules read"
    BACK_AND_FORTH = "back and forth between states"
    NEVER_SEEN = "never seen before"


STATES = 12
"""The states that a device goes through, again and again, in `BACK_AND_FORTH`."""


def changed_reports(
    topic: Topic, *, device: int, rows: int, first_seq: int, count: int, change: Change
) -> Script:
    """Reports of one snapshot each, whose content differs from the one before."""
    moment = now()
    messages = []
    for seq in range(first_seq, first_seq + count):
        report = telemetry_pb2.Report(seq=seq, collected_at=moment, sent_at=moment)
        report.elapsed.FromSeconds(0)
        zone = {Change.BESIDE: 0, Change.BACK_AND_FORTH: seq % STATES, Change.NEVER_SEEN: seq}
        names = [f"ipv4 zone {device}.{zone[change]}.{row}" for row in range(rows)]
        report.snapshots.append(firewall(topic, names=names, counted=seq))
        messages.append(telemetry_pb2.SessionRequest(report=report).SerializeToString())
    return Script(messages, first_seq, first_seq + count - 1)


def unchanged_reports(
    topic: Topic, *, device: int, rows: int, first_seq: int, count: int
) -> Script:
    """One whole report, and then nothing but its digest."""
    first = changed_reports(
        topic, device=device, rows=rows, first_seq=first_seq, count=1, change=Change.BESIDE
    )
    whole = telemetry_pb2.SessionRequest.FromString(first.messages[0]).report.snapshots[0]
    digest = snapshot_pb2.Snapshot(
        topic=whole.topic,
        topic_version=whole.topic_version,
        digest=whole.digest,
        status=whole.status,
        unchanged=True,
    )
    moment = now()
    messages = [*first.messages]
    for seq in range(first_seq + 1, first_seq + count):
        report = telemetry_pb2.Report(
            seq=seq, collected_at=moment, sent_at=moment, snapshots=[digest]
        )
        report.elapsed.FromSeconds(0)
        messages.append(telemetry_pb2.SessionRequest(report=report).SerializeToString())
    return Script(messages, first_seq, first_seq + count - 1)


def heartbeats(topic: Topic, *, device: int, rows: int, seq: int, count: int) -> Script:
    """Heartbeats, and one report at the end whose acknowledgement says that all were taken."""
    beat = telemetry_pb2.SessionRequest(
        heartbeat=telemetry_pb2.Heartbeat(sent_at=now(), pending_reports=0)
    ).SerializeToString()
    last = changed_reports(
        topic, device=device, rows=rows, first_seq=seq, count=1, change=Change.BESIDE
    )
    return Script([*([beat] * count), *last.messages], seq, seq)


def firewall(topic: Topic, *, names: Sequence[str], counted: int) -> snapshot_pb2.Snapshot:
    """A Linux firewall of these zones, `counted` showing in what no rule reads of them."""
    declared = tuple(topic.columns)
    content = [
        {
            "part": "inbound",
            "collected": "yes",
            "name": name,
            "origin": "live",
            "enabled": "1",
            "inbound_default": "block",
            "logs_drops": "1",
            "rules": str(counted),
            "fingerprint": f"{counted:032x}",
        }
        for name in names
    ]
    columns, ordered = canonical_rows(
        declared, [[row.get(name, "") for name in declared] for row in content]
    )
    values = [value for row in ordered for value in row]
    digest = snapshot_digest(
        topic=topic.name,
        topic_version=topic.version,
        status=snapshot_pb2.SNAPSHOT_STATUS_OK,
        message="",
        columns=columns,
        values=values,
    )
    return snapshot_pb2.Snapshot(
        topic=topic.name,
        topic_version=topic.version,
        digest=digest,
        status=snapshot_pb2.SNAPSHOT_STATUS_OK,
        columns=columns,
        values=values,
        row_count=len(content),
    )


async def drive(
    port: int,
    devices: Sequence[SimulatedDevice],
    scripts: Sequence[Script],
    *,
    in_flight: int,
) -> float:
    """Opens a stream a device, then sends everything; seconds until all is acknowledged."""
    ready = asyncio.Barrier(len(devices) + 1)
    async with asyncio.TaskGroup() as tasks:
        for device, script in zip(devices, scripts, strict=True):
            tasks.create_task(_converse(port, device, script, ready, in_flight))
        await ready.wait()
        began = perf_counter()
    return perf_counter() - began


async def _converse(
    port: int, device: SimulatedDevice, script: Script, ready: asyncio.Barrier, in_flight: int
) -> None:
    window = asyncio.Semaphore(in_flight)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", device.credentials) as channel:
        session: Stream = channel.stream_stream(
            SESSION, response_deserializer=telemetry_pb2.SessionResponse.FromString
        )
        call = session(_outgoing(device, script, ready, window))
        acked = script.first_seq - 1
        async for answer in call:
            match answer.WhichOneof("message"):
                case "ack":
                    for _ in range(answer.ack.seq - acked):
                        window.release()
                    acked = answer.ack.seq
                    assert not answer.ack.rejected, answer.ack.rejected
                case "welcome" | "resend":
                    pass
                case other:
                    raise AssertionError(f"{other}: {answer}")
        assert acked == script.last_seq


async def _outgoing(
    device: SimulatedDevice, script: Script, ready: asyncio.Barrier, window: asyncio.Semaphore
) -> AsyncIterator[bytes]:
    yield hello(device)
    await ready.wait()
    for message in script.messages:
        await window.acquire()
        yield message


def now() -> Timestamp:
    """The device's clock."""
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC))
    return moment
