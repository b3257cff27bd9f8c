"""When simulated devices come: an open loop, by the clock alone, however the server does.

Pure: instants in seconds from the start of a run.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from heapq import merge
from typing import Final

from vigie_server.simulator.chance import draws

_WAVE: Final = re.compile(
    r"at=(?P<at>\d+(\.\d+)?),share=(?P<share>\d+(\.\d+)?)(,over=(?P<over>\d+(\.\d+)?))?"
)


class Why(Enum):
    """What brings a device."""

    PERIOD = auto()
    WAVE = auto()


@dataclass(frozen=True, slots=True)
class Wave:
    """A share of the fleet that comes back together: power returns, a line is mended."""

    at: float
    share: float
    over: float = 0.0

    @staticmethod
    def read(text: str) -> "Wave":
        """`at=SECONDS,share=0..1[,over=SECONDS]`. Raises ValueError."""
        found = _WAVE.fullmatch(text)
        if found is None or not 0 < float(found["share"]) <= 1:
            raise ValueError(f"{text!r} is not at=SECONDS,share=0..1[,over=SECONDS]")
        return Wave(float(found["at"]), float(found["share"]), float(found["over"] or 0))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A device that is to come, or to report, at this instant."""

    at: float
    number: int
    why: Why = Why.PERIOD


def arrivals(
    numbers: Sequence[int],
    *,
    seed: int,
    period: float,
    waves: Sequence[Wave] = (),
    until: float,
) -> Iterator[Arrival]:
    """Every arrival before `until`, in order: each device each period, at an instant of its own."""
    found = [_periodic(numbers, seed, period, until)]
    found += [_wave(numbers, seed, wave, until) for wave in waves]
    return merge(*found, key=lambda arrival: arrival.at)


def _periodic(numbers: Sequence[int], seed: int, period: float, until: float) -> Iterator[Arrival]:
    places = sorted((draws("arrives", seed, number)[0] * period, number) for number in numbers)
    turn = 0
    while places and turn * period < until:
        for place, number in places:
            at = turn * period + place
            if at >= until:
                return
            yield Arrival(at, number)
        turn += 1


def _wave(numbers: Sequence[int], seed: int, wave: Wave, until: float) -> Iterator[Arrival]:
    found = []
    for number in numbers:
        chosen, when, *_ = draws("wave", seed, number, str(wave.at))
        if chosen < wave.share:
            found.append((wave.at + when * wave.over, number))
    for at, number in sorted(found):
        if at < until:
            yield Arrival(at, number, Why.WAVE)
