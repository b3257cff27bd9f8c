"""A simulated device's conversation with the server: greet, deliver, leave or stay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vigie.v1 import telemetry_pb2
from vigie_server.simulator.ledger import Ledger
from vigie_server.simulator.member import Living, Member, moment, report_of
from vigie_server.simulator.spool import Entry
from vigie_server.simulator.stream import OK, Stream
from vigie_server.simulator.tally import Tally


@dataclass(frozen=True, slots=True)
class Conversing:
    """What every session of a run has in common."""

    living: Living
    tally: Tally
    ledger: Ledger
    now: Callable[[], datetime]
    clock: Callable[[], float]
    """The clock by which arrivals are scheduled, in seconds."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """Who converses, with which spool, and when it began to connect (`Conversing.clock`)."""

    device_id: str
    spool_id: bytes
    began: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended. `well`: as it should. `retry_after`: the server's wish.

    `elsewhere`: the device was not served, and tries its next server. `for_good`: it was told to
    stop.
    """

    well: bool
    why: str = ""
    retry_after: timedelta = timedelta(0)
    elsewhere: bool = False
    for_good: bool = False


class Session:
    """One session of one device. `push` whenever there is more to deliver.

    The stream is greeted. `plain`: its latencies count with those of the devices that do nothing
    odd. `pace` is awaited before each message that is read.
    """

    def __init__(
        self,
        stream: Stream,
        member: Member,
        conversing: Conversing,
        *,
        speaking: Speaking,
        stay: bool,
        plain: bool = True,
        pace: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.stream = stream
        self.member = member
        self.welcome = telemetry_pb2.Welcome()
        self._shared = conversing
        self._speaking = speaking
        self._stay = stay
        self._pace = pace
        self._plain = plain
        self._welcomed = False
        self._finished = False
        self._told: set[str] = set()

    async def greet(self) -> Ended | None:
        """Waits to be welcomed; how the session ended, if the device was not."""
        ended = None
        while ended is None and not self._welcomed:
            ended = await self._next()
        return ended

    async def converse(self) -> Ended:
        """Delivers, after the greeting, until the session ends. Raises StreamLost."""
        ended = None
        while ended is None:
            self.push()
            ended = await self._next()
        return ended

    async def deliver(self) -> Ended | None:
        """Delivers what there is, and goes on; how the session ended, if it did.

        For a session that stays.
        """
        ended = None
        while ended is None and self.member.spool:
            self.push()
            ended = await self._next()
        return ended

    def push(self) -> None:
        """Sends what may be sent; a visit that has nothing more to say says so."""
        if not self._welcomed or self._finished or self.stream.status is not None:
            return
        shared = self._shared
        clock, now = shared.clock(), shared.now()
        limits = self.welcome.limits
        together = limits.max_snapshots_per_report or 1
        for entries in self.member.spool.to_send(limits.max_in_flight, together):
            report = [self._as_told(entry) for entry in entries]
            for entry in report:
                shared.ledger.sent(self._speaking.device_id, self._speaking.spool_id, entry)
            self.stream.send(report_of(report, now, clock))
            shared.tally.reports += 1
        if not self._stay and not self.member.spool:
            self.finish()

    def _as_told(self, entry: Entry) -> Entry:
        """The entry as it travels: what the server does not keep is whole once a session."""
        topic = entry.snapshot.topic
        if topic not in self._shared.living.not_kept or topic in self._told:
            return entry
        self._told.add(topic)
        return replace(entry, is_whole=True)

    def finish(self) -> None:
        """Says that nothing more comes; the server then ends the session."""
        if not self._finished:
            self._finished = True
            self.stream.finish()

    def beat(self) -> None:
        """Says that the device lives."""
        if self._welcomed and not self._finished and self.stream.status is None:
            beat = telemetry_pb2.Heartbeat(
                sent_at=moment(self._shared.now()), pending_reports=len(self.member.spool)
            )
            self.stream.send(telemetry_pb2.SessionRequest(heartbeat=beat).SerializeToString())
            self._shared.tally.heartbeats += 1

    async def _next(self) -> Ended | None:
        """Takes the server's next message; how the session ended, if it did."""
        if self._pace is not None:
            await self._pace()
        message = await self.stream.message()
        if message is None:
            return self._over()
        answer = telemetry_pb2.SessionResponse.FromString(message)
        match answer.WhichOneof("message"):
            case "welcome":
                self._greeted(answer.welcome)
            case "ack":
                self._acknowledged(answer.ack)
            case "resend":
                topics = list(answer.resend.topics)
                snapshots = self.member.whole(self._shared.living, topics)
                self._shared.tally.resent += len(snapshots)
                due = None if self._finished else self._shared.clock()
                self.member.spool.again(snapshots, due=due)
            case "goodbye":
                goodbye = answer.goodbye
                after = goodbye.retry_after.ToTimedelta()
                why = f"goodbye: {goodbye.reason}"
                return Ended(well=False, why=why, retry_after=after, elsewhere=not self._welcomed)
            case "disable":
                return Ended(well=False, why=f"disabled: {answer.disable.reason}", for_good=True)
            case _:
                pass  # orders that ask nothing of a simulated device
        return None

    def _over(self) -> Ended:
        status = self.stream.status
        assert status is not None  # noqa: S101 (the stream says so by None)
        if status.code == OK and self._finished:
            return Ended(well=True)
        after = status.retry_after or timedelta(0)
        why = f"status {status.code}: {status.message}"
        return Ended(well=False, why=why, retry_after=after, elsewhere=bool(after))

    def _greeted(self, welcome: telemetry_pb2.Welcome) -> None:
        self.welcome = welcome
        self._welcomed = True
        if self._plain:
            self._shared.tally.greetings.record(self._shared.clock() - self._speaking.began)
        for entry in self.member.spool.resume(welcome.resume_after):
            self._delivered(entry, "")

    def _acknowledged(self, ack: telemetry_pb2.Ack) -> None:
        rejected = {one.seq: one.reason for one in ack.rejected}
        for entry in self.member.spool.acknowledge(ack.seq):
            why = rejected.get(entry.seq, "")
            if why:
                self._shared.tally.failed(f"rejected: {why}")
            self._delivered(entry, why)

    def _delivered(self, entry: Entry, why: str) -> None:
        shared = self._shared
        shared.tally.acked += 1
        shared.tally.whole += entry.is_whole
        if entry.due is not None:
            histogram = shared.tally.acks if self._plain else shared.tally.slow
            histogram.record(shared.clock() - entry.due)
        who = self._speaking
        shared.ledger.acknowledged(who.device_id, who.spool_id, entry, why)
