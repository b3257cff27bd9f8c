"""Visits over raw TLS and HTTP/2: what a device that comes back says, for a tenth of gRPC's cost.

`python -m bench.visitor` in a process of its own: a `Plan` as JSON on standard input, what came of
it as JSON on standard output. Each visit is a fresh connection with the device's own certificate:
Hello, one report whose snapshots are unchanged, its acknowledgement, the end of the stream. With
`beats`, all connect and stay, and after a line on standard input each sends so many heartbeats.
"""

import asyncio
import json
import random
import ssl
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from time import perf_counter, process_time
from typing import Any, Final

from vigie.v1 import snapshot_pb2, telemetry_pb2

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK = 1, 1
HEADER_SIZE: Final = 9
PREFIX_SIZE: Final = 5
TIMEOUT: Final = 30.0
CONNECT_TOGETHER: Final = 50
BEAT_EVERY: Final = 2.0
FIRST_RETRY, LONGEST_RETRY = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """A device of the plan: its certificate and key in one file, and what it has to say."""

    pem: str
    seed: int
    spool: str
    seq: int
    unchanged: dict[str, tuple[int, str]]


@dataclass(slots=True)
class Plan:
    """Who visits, how fast (a second; 0: all at once), and whether until served."""

    port: int
    authority: str
    visitors: list[Visitor]
    per_second: float
    insist: bool = False
    resume: bool = False
    beats: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of it: seconds of each served visit, other ends by their kind, the client's CPU."""

    served: list[float] = field(default_factory=list)
    done_at: list[float] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    retry_after: list[float] = field(default_factory=list)
    resumed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One HTTP/2 frame."""
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


def literal(name: bytes, value: bytes) -> bytes:
    """A header that is not indexed, `name` an index's byte or a name with its length."""
    return name + bytes((len(value),)) + value


REQUEST: Final = b"".join(
    (
        b"\x83\x87",  # :method POST, :scheme https
        literal(b"\x04", b"/vigie.v1.TelemetryService/Session"),
        literal(b"\x01", b"localhost"),
        literal(b"\x0f\x10", b"application/grpc"),
        literal(b"\x00\x02te", b"trailers"),
    )
)


def message(**request: Any) -> bytes:
    """A request in a DATA frame."""
    body = telemetry_pb2.SessionRequest(**request).SerializeToString()
    return frame(DATA, 0, 1, b"\0" + len(body).to_bytes(4, "big") + body)


class Ended(Exception):
    """The visit ended without an acknowledgement; says how."""


class Connection(asyncio.Protocol):
    """The client's side of one stream: answers of the server come out of `heard`."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[telemetry_pb2.SessionResponse | None] = asyncio.Queue()
        self.transport: asyncio.Transport | None = None
        self._bytes = bytearray()
        self._messages = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, 4, 1, REQUEST)  # END_HEADERS
        )

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while len(self._bytes) >= HEADER_SIZE:
            size = int.from_bytes(self._bytes[:3], "big")
            if len(self._bytes) < HEADER_SIZE + size:
                return
            kind, flags = self._bytes[3], self._bytes[4]
            payload = bytes(self._bytes[HEADER_SIZE : HEADER_SIZE + size])
            del self._bytes[: HEADER_SIZE + size]
            self._take(kind, flags, payload)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the protocol's shape)
        self.heard.put_nowait(None)

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        assert self.transport is not None
        if kind == SETTINGS and not flags & ACK:
            self.transport.write(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.transport.write(frame(PING, ACK, 0, payload))
        elif kind == DATA:
            self._messages += payload
            self._read_messages()
        if kind in (RST, GOAWAY) or (kind in (DATA, HEADERS) and flags & END_STREAM):
            self.heard.put_nowait(None)

    def _read_messages(self) -> None:
        while len(self._messages) >= PREFIX_SIZE:
            end = PREFIX_SIZE + int.from_bytes(self._messages[1:PREFIX_SIZE], "big")
            if len(self._messages) < end:
                return
            body = bytes(self._messages[PREFIX_SIZE:end])
            del self._messages[:end]
            self.heard.put_nowait(telemetry_pb2.SessionResponse.FromString(body))


class Resuming(ssl.SSLContext):
    """Offers the last TLS session of this context again."""

    kept: ssl.SSLSession | None = None

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        return super().wrap_bio(*args, **{**named, "session": self.kept})


def context(plan: Plan, visitor: Visitor) -> Resuming:
    """TLS as the agent does it, for this device."""
    made = Resuming(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(cadata=plan.authority)
    made.load_cert_chain(visitor.pem)
    made.set_alpn_protocols(["h2"])
    return made


async def visit(plan: Plan, visitor: Visitor, tls: Resuming, outcome: Outcome) -> None:
    """One visit, to its end. Raises Ended."""
    loop = asyncio.get_running_loop()
    try:
        transport, connection = await loop.create_connection(
            Connection, "127.0.0.1", plan.port, ssl=tls, server_hostname="localhost"
        )
    except OSError as error:
        raise Ended(f"no connection: {type(error).__name__}") from error
    try:
        transport.write(message(hello=hello(visitor)))
        welcome = await heard(connection, outcome)
        seq = max(visitor.seq, welcome.welcome.resume_after + 1)
        transport.write(message(report=unchanged(visitor, seq)))
        while (await heard(connection, outcome)).ack.seq < seq:
            pass
        transport.write(frame(DATA, END_STREAM, 1, b""))
        assert await connection.heard.get() is None
        secured = transport.get_extra_info("ssl_object")
        outcome.resumed += bool(secured.session_reused)
        if plan.resume:
            tls.kept = secured.session
    finally:
        transport.abort()  # as gRPC does: close() would wait for the server to say goodbye to TLS


async def heard(connection: Connection, outcome: Outcome) -> telemetry_pb2.SessionResponse:
    """What the server says next. Raises Ended when that is the end."""
    answer = await connection.heard.get()
    if answer is None:
        raise Ended("the connection ended")
    match answer.WhichOneof("message"):
        case "goodbye":
            outcome.retry_after.append(answer.goodbye.retry_after.ToTimedelta().total_seconds())
            raise Ended(f"goodbye: {answer.goodbye.reason}")
        case "disable":
            raise Ended("disabled")
        case _:
            return answer


def hello(visitor: Visitor) -> telemetry_pb2.Hello:
    """The greeting of a device that has been here before."""
    return telemetry_pb2.Hello(
        agent_version="bench",
        engine="osqueryd",
        platform="linux",
        boot_id=f"bench-{visitor.seed}",
        spool_id=bytes.fromhex(visitor.spool),
    )


def unchanged(visitor: Visitor, seq: int) -> telemetry_pb2.Report:
    """A report of digests that the server holds."""
    report = telemetry_pb2.Report(seq=seq)
    report.sent_at.GetCurrentTime()
    report.elapsed.FromSeconds(0)
    for topic, (version, digest) in visitor.unchanged.items():
        report.snapshots.append(
            snapshot_pb2.Snapshot(
                topic=topic,
                topic_version=version,
                digest=bytes.fromhex(digest),
                status=snapshot_pb2.SNAPSHOT_STATUS_OK,
                unchanged=True,
            )
        )
    return report


async def come(
    plan: Plan, visitor: Visitor, tls: Resuming, at: float, began: float, outcome: Outcome
) -> None:
    """Visits when it is time, and again until served where the plan insists."""
    await asyncio.sleep(began + at - perf_counter())
    failures = 0
    while True:
        start = perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT):
                await visit(plan, visitor, tls, outcome)
        except (Ended, TimeoutError) as end:
            how = str(end) or "no answer"
            outcome.ends[how] = outcome.ends.get(how, 0) + 1
            pause = (
                outcome.retry_after[-1] + min(outcome.retry_after[-1], 2) * random.random()
                if "goodbye" in str(end)
                else random.random() * min(FIRST_RETRY * 2**failures, LONGEST_RETRY)
            )
            failures += 1
            if not plan.insist:
                return
            await asyncio.sleep(pause)
        else:
            outcome.served.append(perf_counter() - start)
            outcome.done_at.append(perf_counter() - began)
            return


async def carry_out(plan: Plan) -> Outcome:
    """The whole plan."""
    outcome = Outcome()
    ready = [(visitor, context(plan, visitor)) for visitor in plan.visitors]
    began, cpu = perf_counter(), process_time()
    async with asyncio.TaskGroup() as tasks:
        for number, (visitor, tls) in enumerate(ready):
            at = number / plan.per_second if plan.per_second else 0.0
            tasks.create_task(come(plan, visitor, tls, at, began, outcome))
    outcome.seconds, outcome.cpu = perf_counter() - began, process_time() - cpu
    return outcome


async def stay(plan: Plan) -> Outcome:
    """Connects everybody, says `held`, and once told to go on sends the heartbeats."""
    outcome, loop = Outcome(), asyncio.get_running_loop()
    connecting = asyncio.Semaphore(CONNECT_TOGETHER)

    async def greeted(visitor: Visitor) -> tuple[asyncio.Transport, Connection, int]:
        async with connecting:
            transport, connection = await loop.create_connection(
                Connection,
                "127.0.0.1",
                plan.port,
                ssl=context(plan, visitor),
                server_hostname="localhost",
            )
            transport.write(message(hello=hello(visitor)))
            welcome = await heard(connection, outcome)
        return transport, connection, welcome.welcome.resume_after

    async def beating(transport: asyncio.Transport, connection: Connection, last: int) -> None:
        await asyncio.sleep(random.random() * BEAT_EVERY)
        for _ in range(plan.beats):
            transport.write(beat)
            await asyncio.sleep(BEAT_EVERY)
        transport.write(message(report=telemetry_pb2.Report(seq=last + 1)))
        while (await heard(connection, outcome)).ack.seq <= last:
            pass

    beat = message(heartbeat=telemetry_pb2.Heartbeat())
    held = await asyncio.gather(*map(greeted, plan.visitors))
    print("held", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    began = perf_counter()
    await asyncio.gather(*(beating(*one) for one in held))
    outcome.seconds = perf_counter() - began
    for transport, _, _ in held:
        transport.abort()
    return outcome


def main() -> None:
    """Reads the plan, carries it out, tells the outcome."""
    given = json.loads(sys.stdin.readline())
    visitors = [Visitor(**visitor) for visitor in given.pop("visitors")]
    plan = Plan(**given, visitors=visitors)
    outcome = asyncio.run(stay(plan) if plan.beats else carry_out(plan))
    with suppress(BrokenPipeError):
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
