"""When each topic is collected. Pure: the caller passes both clocks.

What the schedule keeps:
- Between two collections of a topic the boot clock advances by `MIN_GAP` at least (or half the
  interval, if shorter), whatever the wall clock does: a clock that jumps never makes a storm.
- No more than one and a half intervals pass on the boot clock without a collection coming due: a
  clock set back, by a year if it likes, never stops the collection.
- After a sleep or a halt of any length each topic is due once, not once for each interval missed.
- A topic keeps its own place in the interval on the wall clock (the splay), which follows from the
  device and the topic alone: a fleet that wakes at eight does not report at eight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from vigie_agent.domain.moments import Moment

MIN_GAP: Final = timedelta(minutes=5)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Appointment:
    """When a topic is due: at `wall` or at `boot`, whichever comes first, yet not before `gap`."""

    interval: timedelta
    wall: datetime
    boot: timedelta
    gap: timedelta

    def is_due(self, now: Moment) -> bool:
        """Whether the time has come."""
        return now.boot >= self.gap and (now.boot >= self.boot or now.wall >= self.wall)

    def wait(self, now: Moment) -> timedelta:
        """How long until it is due if neither clock jumps; zero when it is."""
        until_due = min(self.boot - now.boot, self.wall - now.wall)
        return max(until_due, self.gap - now.boot, timedelta())


class Schedule:
    """The appointments of all topics of one device."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._appointments: dict[str, Appointment] = {}

    def follow(self, intervals: Mapping[str, timedelta], now: Moment) -> None:
        """Takes these topics and intervals from now on. A new topic is due at once."""
        known = self._appointments
        self._appointments = {
            topic: known[topic]
            if topic in known and known[topic].interval == interval
            else self._sooner(known.get(topic), topic, interval, now)
            for topic, interval in intervals.items()
        }

    def due(self, now: Moment) -> tuple[str, ...]:
        """The topics that are due, the one that waited longest first."""
        waiting = [
            (appointment.boot, topic)
            for topic, appointment in self._appointments.items()
            if appointment.is_due(now)
        ]
        return tuple(topic for _, topic in sorted(waiting))

    def collected(self, topic: str, now: Moment) -> None:
        """Makes the next appointment of `topic`, which has just been collected."""
        known = self._appointments.get(topic)
        if known is not None:
            self._appointments[topic] = self._next(topic, known.interval, now)

    def retry(self, topic: str, now: Moment, *, after: timedelta) -> None:
        """Puts off `topic`, which could not be collected, for a little while."""
        known = self._appointments.get(topic)
        if known is not None:
            self._appointments[topic] = Appointment(
                known.interval, _later(now.wall, after), now.boot + after, now.boot + after
            )

    def wait(self, now: Moment) -> timedelta | None:
        """How long until the next topic is due; None when there is no topic."""
        return min(
            (appointment.wait(now) for appointment in self._appointments.values()), default=None
        )

    def waits(self, now: Moment) -> Mapping[str, timedelta]:
        """How long until each topic is due."""
        return {topic: appointment.wait(now) for topic, appointment in self._appointments.items()}

    def _sooner(
        self, known: Appointment | None, topic: str, interval: timedelta, now: Moment
    ) -> Appointment:
        if known is None:
            return Appointment(interval, now.wall, now.boot, now.boot)
        fresh = self._next(topic, interval, now)
        return Appointment(
            interval,
            min(known.wall, fresh.wall),
            min(known.boot, fresh.boot),
            min(known.gap, fresh.gap),
        )

    def _next(self, topic: str, interval: timedelta, now: Moment) -> Appointment:
        """The first of the topic's own places in the interval that is half of it away or more."""
        phase = splay(self._device, topic, interval)
        earliest = now.wall - _EPOCH + interval / 2 - phase
        periods = -(-earliest // interval)
        wait = phase + periods * interval - (now.wall - _EPOCH)
        return Appointment(
            interval,
            _later(now.wall, wait),
            now.boot + wait,
            now.boot + min(MIN_GAP, interval / 2),
        )


def splay(device: str, topic: str, interval: timedelta) -> timedelta:
    """The place of a topic in its interval on this device, from zero up to the interval."""
    digest = blake2b(f"{device}\0{topic}".encode(), digest_size=8).digest()
    return interval * (int.from_bytes(digest) / 2**64)


def _later(wall: datetime, wait: timedelta) -> datetime:
    """A clock set to the end of time must not stop the collection: the boot clock goes on."""
    try:
        return wall + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
