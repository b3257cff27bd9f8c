"""A run: devices come when the schedule says, deliver what they have, and are counted.

The loop is open: arrivals follow the clock from the start, and a device that is still busy with its
last report has one more to deliver. Latencies are counted from the intended instant, so that a
server that stalls is seen by all who came meanwhile.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from vigie_server.simulator.chance import draws
from vigie_server.simulator.connections import Connections
from vigie_server.simulator.fleet_file import About, FleetFile, Kept
from vigie_server.simulator.member import Member
from vigie_server.simulator.schedule import Arrival, Wave, Why, arrivals
from vigie_server.simulator.session import Conversing, Ended, Session, Speaking
from vigie_server.simulator.stream import Stream
from vigie_server.simulator.troubles import TROUBLES, Broken

LONGEST_BACKOFF: Final = 300.0
ASKED_SPREAD: Final = 2.0
"""Seconds that agents add at most, at random, to what the server asks for."""
LEAVES_WITHIN: Final = 10.0
"""Seconds in which a server has to end the sessions that a run leaves open."""
_KEPT_AT_ONCE: Final = 5_000
_LOOK: Final = 0.1
_TOGETHER: Final = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen in a run. Spans are in seconds, shares from 0 to 1."""

    seconds: float
    period: float
    stay: bool = False
    heartbeat: float = 60.0
    waves: Sequence[Wave] = ()
    slow: float = 0.0
    """Share of devices that read slowly."""
    slow_by: float = 2.0
    """How long a slow device waits before each message that it reads."""
    broken: float = 0.0
    """Share of devices that break something in every other session."""
    patience: float = 60.0
    """How long a visit may take, and how long a run waits for the last ones."""
    first_backoff: float = 2.0


@dataclass(slots=True)
class Run:
    """One process's part of a fleet, running."""

    fleet: FleetFile
    about: About
    members: Mapping[int, Member]
    plan: Plan
    connections: Connections
    conversing: Conversing
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _waved: set[int] = field(default_factory=set)
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    async def run(self, stop: asyncio.Event) -> None:
        """Runs the plan to its end, or until `stop`; then keeps how far each device has got."""
        self._stop = stop
        clock = self.conversing.clock
        try:
            async with self._tasks:
                began = clock()
                await self._arrive(began)
                self.conversing.tally.arriving = clock() - began
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.plan.patience):
                        await self._delivered()
                stop.set()
                self._leave(asyncio.get_running_loop())
        finally:
            self.conversing.tally.undelivered = sum(
                len(member.spool) for member in self.members.values() if _owes(member)
            )
            self.keep()

    def keep(self) -> None:
        """Writes down how far each device has got."""
        kept: list[tuple[int, Kept]] = []
        for number, member in self.members.items():
            kept.append((number, member.kept()))
            if len(kept) == _KEPT_AT_ONCE:
                self.fleet.keep(kept)
                kept.clear()
        self.fleet.keep(kept)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the sessions that are open, and cuts those whose server does not end them."""
        for member in self.members.values():
            if member.session is not None:
                member.session.finish()
                loop.call_later(LEAVES_WITHIN, member.session.stream.abort)

    # --- Arrivals ---------------------------------------------------------------------------------

    async def _arrive(self, began: float) -> None:
        tally, clock = self.conversing.tally, self.conversing.clock
        for number, arrival in enumerate(self._arrivals()):
            early = began + arrival.at - clock()
            # Those that are late already come together: a turn of the loop each would slow them.
            if early > 0 or number % _TOGETHER == 0:
                await self._pause(early)
            if self._stop.is_set():
                return
            tally.arrivals += 1
            tally.lag.record(max(0.0, clock() - began - arrival.at))
            self._due(self.members[arrival.number], began + arrival.at, arrival.why)
        await self._pause(began + self.plan.seconds - clock())

    def _arrivals(self) -> Iterable[Arrival]:
        return arrivals(
            sorted(self.members),
            seed=self.about.seed,
            period=self.plan.period,
            waves=self.plan.waves,
            until=self.plan.seconds,
        )

    def _due(self, member: Member, at: float, why: Why) -> None:
        if member.disabled:
            return
        member.collect(self.conversing.living, at)
        if why is Why.WAVE and self.plan.stay and member.session is not None:
            self._waved.add(member.number)
            member.session.stream.abort()
        elif member.session is not None:
            member.session.push()
        if not member.busy:
            member.busy = True
            self._tasks.create_task(self._busy(member))

    async def _pause(self, seconds: float) -> None:
        """Waits, or until the run is stopped; gives way even when there is nothing to wait for."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _delivered(self) -> None:
        """Returns once no device has anything to deliver; sessions that stay may be open."""
        while any(_owes(m) or (m.busy and not self.plan.stay) for m in self.members.values()):
            if self._stop.is_set():
                return
            await self._pause(_LOOK)

    # --- Sessions ---------------------------------------------------------------------------------

    async def _busy(self, member: Member) -> None:
        """One session after the other, until all is delivered; for good where devices stay."""
        turn = 0
        try:
            while self._has_to_come(member) and not self._stop.is_set():
                turn += 1
                await self._pause(await self._once(member, turn))
        finally:
            member.busy = False

    def _has_to_come(self, member: Member) -> bool:
        return _owes(member) or (self.plan.stay and not member.disabled)

    async def _once(self, member: Member, turn: int) -> float:
        """One session; how many seconds to stay away then."""
        tally = self.conversing.tally
        try:
            ended = await self._session(member, turn)
        except TimeoutError:
            why = "timeout"
        except (ConnectionError, OSError) as error:
            if member.number in self._waved:  # cut by its own wave: it is back at once
                self._waved.discard(member.number)
                return 0.0
            why = f"{type(error).__name__}: {error}"
        else:
            if ended.well:
                tally.visits += 1
                member.failures = 0
                return 0.0
            why = ended.why
            member.disabled = ended.for_good
            member.sent_away += ended.elsewhere
            if ended.for_good:
                tally.failed(why)
                return 0.0
            if ended.retry_after:
                tally.failed(why)
                after = ended.retry_after.total_seconds()
                return after + min(after, ASKED_SPREAD) * self._jitter(member, turn)
        member.failures += 1
        if not self._stop.is_set():
            tally.failed(why)
        longest = min(
            self.plan.first_backoff * (1 << min(member.failures - 1, 16)), LONGEST_BACKOFF
        )
        return longest * self._jitter(member, turn)

    def _jitter(self, member: Member, turn: int) -> float:
        return draws("jitter", member.number, member.life.step, turn, member.failures)[0]

    async def _session(self, member: Member, turn: int) -> Ended:
        is_broken, is_slow = self._nature(member)
        breaks = is_broken and (member.life.step + turn) % 2 == 1
        identity = self.fleet.identity(member.number)
        spool_id = self.about.spool_id(member.number)
        shared = self.conversing
        hello = member.hello(shared.living, spool_id, shared.now())
        began = shared.clock()
        place = member.number + member.failures + member.sent_away
        async with (
            asyncio.timeout(self.plan.patience) as limit,
            self.connections.stream(identity, place, hello) as stream,
        ):
            session = Session(
                stream,
                member,
                shared,
                speaking=Speaking(identity.device_id, spool_id, began),
                stay=self.plan.stay or breaks,
                plain=not (is_broken or is_slow),
                pace=partial(self._slowly, stream) if is_slow else None,
            )
            if (ended := await session.greet()) is not None:
                return ended
            if breaks:
                return await session.deliver() or await self._break(session, hello)
            if self.plan.stay:
                limit.reschedule(None)
            return await self._converse(session)

    async def _converse(self, session: Session) -> Ended:
        member = session.member
        member.session = session
        beating = Beating(session, self.plan.heartbeat) if self.plan.stay else None
        try:
            return await session.converse()
        finally:
            member.session = None
            if beating is not None:
                beating.end()

    async def _break(self, session: Session, hello: bytes) -> Ended:
        """Does the broken device's next trouble."""
        member = session.member
        names = list(TROUBLES)
        name = names[(member.number + member.life.step // 2) % len(names)]
        broken = Broken(
            session.stream,
            member,
            self.conversing.living,
            session.welcome,
            hello,
            self.conversing.now(),
        )
        how = await TROUBLES[name](broken)
        self.conversing.tally.troubles[f"{name}: {how}"] += 1
        return Ended(well=True)

    async def _slowly(self, stream: Stream) -> None:
        stream.pause_reading()
        await self._pause(self.plan.slow_by)
        stream.resume_reading()

    def _nature(self, member: Member) -> tuple[bool, bool]:
        """Whether the device is broken, and whether it is slow."""
        first, second, *_ = draws("nature", self.about.seed, member.number)
        return first < self.plan.broken, second < self.plan.slow


def _owes(member: Member) -> bool:
    """Whether the device has something to deliver, and may."""
    return member.spool.is_due and not member.disabled


class Beating:
    """Heartbeats of a session, until `end`."""

    def __init__(self, session: Session, every: float) -> None:
        self._session = session
        self._every = every
        self._timer = asyncio.get_running_loop().call_later(every, self._beat)

    def end(self) -> None:
        """No more of them."""
        self._timer.cancel()

    def _beat(self) -> None:
        self._session.beat()
        self._timer = asyncio.get_running_loop().call_later(self._every, self._beat)
