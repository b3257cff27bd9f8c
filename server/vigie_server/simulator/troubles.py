"""What broken and hostile agents do in the middle of a session, and how that ends.

A broken device first delivers what it has, and breaks something in every other session only: what
it delivers must be taken as any other's.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie_server.simulator.member import Living, Member, moment
from vigie_server.simulator.stream import Stream, StreamLost

ANSWERED_WITHIN: Final = 10.0
"""Seconds in which a server has to answer what is broken."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A greeted session of a device that is about to break something."""

    stream: Stream
    member: Member
    living: Living
    welcome: telemetry_pb2.Welcome
    hello: bytes
    now: datetime

    def a_snapshot(self) -> snapshot_pb2.Snapshot:
        """A true answer, for the trouble to spoil."""
        found = snapshot_pb2.Snapshot()
        found.CopyFrom(self.member.whole(self.living, [])[0])
        return found

    def report(self, seq: int, *snapshots: snapshot_pb2.Snapshot) -> bytes:
        """A report of these."""
        report = telemetry_pb2.Report(seq=seq, sent_at=moment(self.now), snapshots=snapshots)
        report.elapsed.FromSeconds(0)
        return telemetry_pb2.SessionRequest(report=report).SerializeToString()

    def next_seq(self) -> int:
        """A sequence number for what the server is to reject."""
        self.member.spool.last_seq += 1
        return self.member.spool.last_seq


async def cut(broken: Broken) -> str:
    """The connection breaks in the middle of a message."""
    message = broken.report(broken.next_seq(), broken.a_snapshot())
    broken.stream.send_raw(b"\0" + len(message).to_bytes(4, "big") + message[: len(message) // 2])
    broken.stream.abort()
    return "cut"


async def garbage_message(broken: Broken) -> str:
    """A message that is no message of the protocol."""
    broken.stream.send(b"\xff" * 64 + os.urandom(64))
    return await _ending(broken.stream)


async def garbage_frames(broken: Broken) -> str:
    """A frame that HTTP/2 does not allow: settings of five bytes."""
    broken.stream.send_below(b"\0\0\5\4\0\0\0\0\0" + os.urandom(5))
    return await _ending(broken.stream)


async def replay(broken: Broken) -> str:
    """A report again that the server has, with other content."""
    spoilt = broken.a_snapshot()
    if not spoilt.values or not broken.welcome.resume_after:
        return "nothing to replay"
    seq = broken.welcome.resume_after
    broken.stream.send(broken.report(seq, spoilt))
    broken.stream.finish()
    return await _ending(broken.stream)


async def wrong_digest(broken: Broken) -> str:
    """Rows that are not those of the digest."""
    spoilt = broken.a_snapshot()
    spoilt.digest = bytes(16)
    broken.stream.send(broken.report(broken.next_seq(), spoilt))
    broken.stream.finish()
    return await _ending(broken.stream)


async def long_value(broken: Broken) -> str:
    """A value over the limits that the server told."""
    spoilt = broken.a_snapshot()
    spoilt.values[0] = "x" * (broken.welcome.limits.max_value_bytes + 1)
    broken.stream.send(broken.report(broken.next_seq(), spoilt))
    broken.stream.finish()
    return await _ending(broken.stream)


async def big_message(broken: Broken) -> str:
    """A message that says it is bigger than any the server takes."""
    length = broken.welcome.limits.max_message_bytes + 1
    broken.stream.send_raw(b"\0" + length.to_bytes(4, "big") + bytes(1024))
    return await _ending(broken.stream)


async def second_hello(broken: Broken) -> str:
    """A greeting in the middle of the conversation."""
    broken.stream.send(broken.hello)
    return await _ending(broken.stream)


TROUBLES: Final[Mapping[str, Callable[[Broken], Awaitable[str]]]] = {
    trouble.__name__: trouble
    for trouble in (
        cut,
        garbage_message,
        garbage_frames,
        replay,
        wrong_digest,
        long_value,
        big_message,
        second_hello,
    )
}
"""By name; a broken device goes through them in turn."""


async def _ending(stream: Stream) -> str:
    """How the server ends the call: what it rejected on the way, and the last status."""
    rejected = 0
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            while (message := await stream.message()) is not None:
                answer = telemetry_pb2.SessionResponse.FromString(message)
                rejected += len(answer.ack.rejected)
    except TimeoutError:
        return "no answer"
    except StreamLost:
        return "connection ended"
    assert stream.status is not None  # noqa: S101 (the stream says so by None)
    return f"status {stream.status.code}{', rejected' if rejected else ''}"
